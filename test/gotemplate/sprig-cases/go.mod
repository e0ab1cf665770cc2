module sprig-cases

go 1.26

require github.com/Masterminds/sprig/v3 v3.3.0
