// Calls functions of Sprig with the arguments of calls.json and writes what they return, or the error or panic that
// text/template would report, as JSON.
//
// Arguments are JSON; `{"$int": 1}`, `{"$int64": 1}`, `{"$strings": [...]}`, `{"$time": "RFC 3339"}` and `{"$nil": true}`
// are what JSON cannot say. Numbers with a point are float64, others int. Times are shown in UTC.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/Masterminds/sprig/v3"
)

type call struct {
	Function string            `json:"function"`
	Args     []json.RawMessage `json:"args"`
}

type result struct {
	Function string            `json:"function"`
	Args     []json.RawMessage `json:"args"`
	Type     string            `json:"type,omitempty"`
	Text     string            `json:"text"`
	JSON     string            `json:"json,omitempty"`
	Error    string            `json:"error,omitempty"`
}

func value(raw json.RawMessage) interface{} {
	text := strings.TrimSpace(string(raw))
	switch text[0] {
	case '{':
		var fields map[string]json.RawMessage
		check(json.Unmarshal(raw, &fields))
		for key, field := range fields {
			switch key {
			case "$int64":
				var n int64
				check(json.Unmarshal(field, &n))
				return n
			case "$strings":
				list := []string{}
				check(json.Unmarshal(field, &list))
				return list
			case "$time":
				var s string
				check(json.Unmarshal(field, &s))
				t, err := time.Parse(time.RFC3339Nano, s)
				check(err)
				return t.UTC()
			}
		}
		dict := map[string]interface{}{}
		for key, field := range fields {
			dict[key] = value(field)
		}
		return dict
	case '[':
		var items []json.RawMessage
		check(json.Unmarshal(raw, &items))
		list := []interface{}{}
		for _, item := range items {
			list = append(list, value(item))
		}
		return list
	case '"', 't', 'f', 'n':
		var v interface{}
		check(json.Unmarshal(raw, &v))
		return v
	}
	if strings.ContainsAny(text, ".e") {
		var f float64
		check(json.Unmarshal(raw, &f))
		return f
	}
	var n int
	check(json.Unmarshal(raw, &n))
	return n
}

func run(c call) (out result) {
	out = result{Function: c.Function, Args: c.Args}
	defer func() {
		if r := recover(); r != nil {
			out.Error = fmt.Sprint(r)
		}
	}()
	f := reflect.ValueOf(sprig.TxtFuncMap()[c.Function])
	if !f.IsValid() {
		panic("no function " + c.Function)
	}
	in := []reflect.Value{}
	for i, raw := range c.Args {
		v := reflect.ValueOf(value(raw))
		t := f.Type().In(min(i, f.Type().NumIn()-1))
		if f.Type().IsVariadic() && i >= f.Type().NumIn()-1 {
			t = t.Elem()
		}
		if !v.IsValid() {
			v = reflect.Zero(t)
		} else if v.Type() != t && t.Kind() != reflect.Interface {
			v = v.Convert(t)
		}
		in = append(in, v)
	}
	returned := f.Call(in)
	if len(returned) == 2 && !returned[1].IsNil() {
		panic(returned[1].Interface())
	}
	v := returned[0].Interface()
	out.Type = fmt.Sprintf("%T", v)
	out.Text = fmt.Sprintf("%v", v)
	if encoded, err := json.Marshal(v); err == nil {
		out.JSON = string(encoded)
	}
	return out
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	time.Local = time.UTC
	var calls []call
	check(json.NewDecoder(os.Stdin).Decode(&calls))
	fmt.Print("[\n")
	for i, c := range calls {
		encoder := &strings.Builder{}
		e := json.NewEncoder(encoder)
		e.SetEscapeHTML(false)
		check(e.Encode(run(c)))
		if i > 0 {
			fmt.Print(",\n")
		}
		fmt.Print(strings.TrimSpace(encoder.String()))
	}
	fmt.Print("\n]\n")
}
