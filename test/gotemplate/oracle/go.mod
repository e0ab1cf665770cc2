module kseal.test/oracle

go 1.24
