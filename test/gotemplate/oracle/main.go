// Answers with Go's own text/template, and Sprig 3.3.0 as the Sealed Secrets controller uses it: one JSON question a
// line on standard input, one JSON answer a line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

type question struct {
	Name string            `json:"name"`
	Text string            `json:"text"`
	Data map[string]string `json:"data"`
	// "few": the functions of few.go; else those of Sprig.
	Functions string `json:"functions"`
	// How often to render, for the benchmark.
	Times int `json:"times"`
	// Certificates to check, instead of a template to render.
	Certificate *certificateQuestion `json:"certificate"`
	// A password and its hash to check, instead of a template to render.
	Password *passwordQuestion `json:"password"`
}

type answer struct {
	Output []byte `json:"output"`
	Error  string `json:"error"`
	// Of all the rendering together.
	Nanoseconds int64 `json:"nanoseconds,omitempty"`
}

// A question that takes longer ends the program: its templates cannot be stopped.
const patience = 20 * time.Second

func main() {
	time.Local = time.UTC
	debug.SetMemoryLimit(2 << 30)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		check(json.Unmarshal(lines.Bytes(), &asked))
		watch := time.AfterFunc(patience, func() {
			fmt.Fprintf(os.Stderr, "no answer in %s: %s\n", patience, asked.Text)
			os.Exit(3)
		})
		made := answerTo(asked)
		watch.Stop()
		check(out.Encode(made))
	}
	check(lines.Err())
}

func answerTo(asked question) answer {
	var output string
	var err error
	started := time.Now()
	switch {
	case asked.Certificate != nil:
		output, err = checkCertificate(*asked.Certificate)
	case asked.Password != nil:
		err = checkPassword(*asked.Password)
	default:
		output, err = render(asked)
	}
	made := answer{Output: []byte(output)}
	if asked.Times > 0 {
		made.Nanoseconds = time.Since(started).Nanoseconds()
	}
	if err != nil {
		made = answer{Output: []byte{}, Error: err.Error()}
	}
	return made
}

// sealedSecretsFunctions is Sprig's map without what asks the machine or the network.
func sealedSecretsFunctions() template.FuncMap {
	functions := sprig.GenericFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	return functions
}

var sprigFunctions = sealedSecretsFunctions()

func render(asked question) (string, error) {
	functions := sprigFunctions
	if asked.Functions == "few" {
		functions = fewFunctions
	}
	parsed, err := template.New(asked.Name).Funcs(functions).Parse(asked.Text)
	if err != nil {
		return "", err
	}
	var output strings.Builder
	for done := 0; done < max(asked.Times, 1); done++ {
		output.Reset()
		if err := parsed.Execute(&output, asked.Data); err != nil {
			return "", err
		}
	}
	return output.String(), nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
