package main

import (
	"strings"
	"text/template"
)

func dict(pairs ...interface{}) map[string]interface{} {
	made := map[string]interface{}{}
	for i := 0; i+1 < len(pairs); i += 2 {
		made[pairs[i].(string)] = pairs[i+1]
	}
	return made
}

func parseInt(text string) int {
	n := 0
	for _, digit := range text {
		n = n*10 + int(digit-'0')
	}
	return n
}

// The functions that test/gotemplate/functions.ts has too: one of each kind of parameter.
var fewFunctions = template.FuncMap{
	"dict":    dict,
	"list":    func(items ...interface{}) []interface{} { return items },
	"strings": func(items ...string) []string { return items },
	"upper":   strings.ToUpper,
	"int":     parseInt,
	"int64":   func(value int64) int64 { return value },
	"float":   func(value float64) float64 { return value },
	"bool":    func(value bool) bool { return value },
	"bytes":   func(text string) []byte { return []byte(text) },
	"keys":    func(of map[string]interface{}) int { return len(of) },
	"count":   func(of []interface{}, and int) int { return len(of) + and },
	"first":   func(of []interface{}) interface{} { return of[0] },
	"uint":    func(value int64) uint64 { return uint64(value) },
}
