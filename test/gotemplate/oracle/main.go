// Renders templates with Go's own text/template: one JSON case a line on stdin, one JSON answer a line on stdout.
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

type testCase struct {
	Name string            `json:"name"`
	Text string            `json:"text"`
	Data map[string]string `json:"data"`
}

type answer struct {
	Output []byte `json:"output"`
	Error  string `json:"error"`
}

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

// The functions that test/gotemplate/functions.ts has too.
var functions = template.FuncMap{
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

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var in testCase
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			panic(err)
		}
		var made answer
		if output, err := render(in); err != nil {
			made.Error = err.Error()
		} else {
			made.Output = []byte(output)
		}
		if err := out.Encode(made); err != nil {
			panic(err)
		}
	}
}

func render(in testCase) (string, error) {
	parsed, err := template.New(in.Name).Funcs(functions).Parse(in.Text)
	if err != nil {
		return "", err
	}
	var output strings.Builder
	err = parsed.Execute(&output, in.Data)
	return output.String(), err
}
