package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/regsync/regsync/spec"
)

const daemonBody = `{"insecure-registries":["harbor.lab:5000","10.20.0.0/16"],"registry-mirrors":["http://m.lab:5000"]}`

// A daemon.json, and what it becomes for daemonBody.
var daemonTests = []struct{ name, live, want string }{
	{"empty object", "{}\n", `{
  "insecure-registries": [
    "harbor.lab:5000",
    "10.20.0.0/16"
  ],
  "registry-mirrors": [
    "http://m.lab:5000"
  ]
}
`},
	{"empty object over lines, tabs around, no final newline", "\t{\n\n}", "\t" + `{
  "insecure-registries": [
    "harbor.lab:5000",
    "10.20.0.0/16"
  ],
  "registry-mirrors": [
    "http://m.lab:5000"
  ]
}`},
	{"other keys, four blanks", `{
    "debug": true,

    "log-opts": {"max-size": "10m"}
}`, `{
    "debug": true,

    "log-opts": {"max-size": "10m"},
    "insecure-registries": [
        "harbor.lab:5000",
        "10.20.0.0/16"
    ],
    "registry-mirrors": [
        "http://m.lab:5000"
    ]
}`},
	{
		"tabs, lists on one line", "{\n\t\"dns\" : [\"1.1.1.1\"]\n}\n",
		"{\n\t\"dns\" : [\"1.1.1.1\"],\n\t\"insecure-registries\" : [\"harbor.lab:5000\", \"10.20.0.0/16\"],\n\t\"registry-mirrors\" : [\"http://m.lab:5000\"]\n}\n",
	},
	{
		"crlf", "{\r\n  \"debug\": true\r\n}\r\n",
		"{\r\n  \"debug\": true,\r\n  \"insecure-registries\": [\r\n    \"harbor.lab:5000\",\r\n    \"10.20.0.0/16\"\r\n  ],\r\n  \"registry-mirrors\": [\r\n    \"http://m.lab:5000\"\r\n  ]\r\n}\r\n",
	},
	{
		"crlf, empty", "{\r\n}\r\n",
		"{\r\n  \"insecure-registries\": [\r\n    \"harbor.lab:5000\",\r\n    \"10.20.0.0/16\"\r\n  ],\r\n  \"registry-mirrors\": [\r\n    \"http://m.lab:5000\"\r\n  ]\r\n}\r\n",
	},
	{"one line", `{"debug": true}`, `{"debug": true, "insecure-registries": ["harbor.lab:5000", "10.20.0.0/16"], "registry-mirrors": ["http://m.lab:5000"]}`},
	{"one line, blanks inside", `{ "debug": true, "dns": [ "1.1.1.1" ] }`, `{ "debug": true, "dns": [ "1.1.1.1" ], "insecure-registries": ["harbor.lab:5000", "10.20.0.0/16"], "registry-mirrors": ["http://m.lab:5000"] }`},
	{"one line, nothing between", `{"debug":true,"x":1}`, `{"debug":true,"x":1,"insecure-registries":["harbor.lab:5000","10.20.0.0/16"],"registry-mirrors":["http://m.lab:5000"]}`},
	{"lists with values", `{
  "registry-mirrors": ["https://a.example", "https://b.example"],
  "insecure-registries": [
    "a:1"
  ]
}
`, `{
  "registry-mirrors": ["https://a.example", "https://b.example", "http://m.lab:5000"],
  "insecure-registries": [
    "a:1",
    "harbor.lab:5000",
    "10.20.0.0/16"
  ]
}
`},
	{
		"one value without blanks", `{"registry-mirrors":["https://a.example"],"insecure-registries":["a:1" , "b:1"]}`,
		`{"registry-mirrors":["https://a.example","http://m.lab:5000"],"insecure-registries":["a:1" , "b:1", "harbor.lab:5000", "10.20.0.0/16"]}`,
	},
	{
		"empty lists", "{\n  \"registry-mirrors\": [ ],\n  \"insecure-registries\": [\n  ]\n}\n",
		"{\n  \"registry-mirrors\": [\"http://m.lab:5000\"],\n  \"insecure-registries\": [\n    \"harbor.lab:5000\",\n    \"10.20.0.0/16\"\n  ]\n}\n",
	},
	{
		"values there already, in other spellings", `{"registry-mirrors": ["http://M.lab:5000/"], "insecure-registries": ["http://harbor.lab:5000", "10.20.3.4/16"]}`,
		`{"registry-mirrors": ["http://M.lab:5000/"], "insecure-registries": ["http://harbor.lab:5000", "10.20.3.4/16"]}`,
	},
	{
		"the case of an insecure host counts", `{"registry-mirrors": ["http://m.lab:5000"], "insecure-registries": ["Harbor.lab:5000", "10.20.0.0/16"]}`,
		`{"registry-mirrors": ["http://m.lab:5000"], "insecure-registries": ["Harbor.lab:5000", "10.20.0.0/16", "harbor.lab:5000"]}`,
	},
	{
		"escapes and names that look like ours", `{"labels": ["\"insecure-registries\": []", "\u00e9\\"], "x": {"insecure-registries": ["a"]}}`,
		`{"labels": ["\"insecure-registries\": []", "\u00e9\\"], "x": {"insecure-registries": ["a"]}, "insecure-registries": ["harbor.lab:5000", "10.20.0.0/16"], "registry-mirrors": ["http://m.lab:5000"]}`,
	},
	{
		"an escaped key", `{"insecure\u002dregistries": ["a"], "registry-mirrors": []}`,
		`{"insecure\u002dregistries": ["a", "harbor.lab:5000", "10.20.0.0/16"], "registry-mirrors": ["http://m.lab:5000"]}`,
	},
}

func TestProposeJSON(t *testing.T) {
	for _, tt := range daemonTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := proposeJSON([]byte(tt.live), []byte(daemonBody))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Fatalf("proposed (-want +got):\n%s", diff)
			}
			again, err := proposeJSON(got, []byte(daemonBody))
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("proposed again %q, %v", again, err)
			}
			back, err := withdrawJSON(got, []byte(tt.live), []byte(daemonBody))
			if err != nil || string(back) != tt.live {
				t.Errorf("withdrawn %q, %v; want %q", back, err, tt.live)
			}
		})
	}
}

func TestProposeJSONFromNoFile(t *testing.T) {
	got, err := proposeJSON(nil, []byte(`{"registry-mirrors":["http://m.lab:5000"]}`))
	const want = "{\n  \"registry-mirrors\": [\n    \"http://m.lab:5000\"\n  ]\n}\n"
	if err != nil || string(got) != want {
		t.Errorf("proposed %q, %v; want %q", got, err, want)
	}
}

func TestProposeJSONRefused(t *testing.T) {
	for _, tt := range []struct{ name, live, at, message, hint string }{
		{"empty", "", "1:1", "empty", "{}"},
		{"blank", " \n\t", "2:2", "empty", "{}"},
		{"byte order mark", "\ufeff{}", "1:1", "byte order mark", "without BOM"},
		{"line comment", "{\n  // mirrors\n  \"a\": 1\n}", "2:3", "comment", "take it out"},
		{"hash comment", "{\n  \"a\": 1 # x\n}", "2:10", "comment", "take it out"},
		{"trailing comma", "{\n  \"a\": [1, 2,]\n}", "2:13", "comma before ]", "take it out"},
		{"trailing comma in the object", "{\n  \"a\": 1,\n}", "2:9", "comma before }", "take it out"},
		{"missing comma", "{\n  \"a\": 1\n  \"b\": 2\n}", "2:9", "comma is missing", "put one here"},
		{"missing comma in a list", `{"a": ["x" "y"]}`, "1:11", "comma is missing", "put one here"},
		{"missing colon", `{"a" "b"}`, "1:6", "a colon", ""},
		{"single quotes", `{'a': 1}`, "1:2", "quotation mark", `"`},
		{"typographic quotes", `{“a”: 1}`, "1:2", "quotation mark", `"`},
		{"key without quotes", `{a: 1}`, "1:2", "a key in double quotes", ""},
		{"open string", "{\"a\": \"b\n}", "1:7", "not closed", `"`},
		{"bad escape", `{"a": "\x"}`, "1:7", "escape", `\\`},
		{"torn", `{"a": [1, `, "1:11", "the file ends", "close"},
		{"bad number", `{"a": 01}`, "1:7", "a value", ""},
		{"Python's word", `{"a": True}`, "1:7", "a value", ""},
		{"second object", "{}\n{}", "2:1", "the end of the file", ""},
		{"list", `["a"]`, "1:1", "no object", "{"},
		{"null", `null`, "1:1", "no object", "{"},
		{"string instead of a list", `{"registry-mirrors": "http://m"}`, "1:22", `"registry-mirrors" is no list`, `["…"]`},
		{"null instead of a list", `{"registry-mirrors": null}`, "1:22", `"registry-mirrors" is no list`, `["…"]`},
		{"number in the list", `{"insecure-registries": ["a", 5000]}`, "1:31", "no string", "double quotes"},
		{"the same key twice", "{\"registry-mirrors\": [],\n \"registry-mirrors\": []}", "2:2", "second time", "merge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := proposeJSON([]byte(tt.live), []byte(daemonBody))
			var p *spec.Problem
			if !errors.As(err, &p) {
				t.Fatalf("proposed %q, %v; want a problem", got, err)
			}
			if at := fmt.Sprintf("%d:%d", p.Position.Line, p.Position.Col); at != tt.at {
				t.Errorf("problem at %s, want %s: %v", at, tt.at, p)
			}
			if !strings.Contains(p.Message, tt.message) || !strings.Contains(p.Hint, tt.hint) {
				t.Errorf("problem %q, hint %q; want %q, %q", p.Message, p.Hint, tt.message, tt.hint)
			}
		})
	}
}

func TestProposeNamesTheFile(t *testing.T) {
	r := Resource{ID: ID{Kind: KindFile, Name: "/etc/docker/daemon.json"}, Scope: JSONKeys, Body: []byte(daemonBody)}
	_, err := r.Propose([]byte("{"))
	if want := "/etc/docker/daemon.json:1:2: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want it to begin with %q", err, want)
	}
}

func TestWithdrawJSON(t *testing.T) {
	none := "no file"
	const body = `{"insecure-registries":["a:1","b:1"],"registry-mirrors":["http://m"]}`
	for _, tt := range []struct{ name, live, before, want string }{
		{"no file before", `{"insecure-registries":["a:1","b:1"],"registry-mirrors":["http://m"]}`, none, none},
		{"no file before, emptied since", "{\n}\n", none, none},
		{"no file before, foreign key since", `{"insecure-registries":["a:1","b:1"], "debug": true, "registry-mirrors":["http://m"]}`, none, `{"debug": true}`},
		{"file gone since", none, "{}", none},
		{
			"foreign values since", `{"insecure-registries": ["x:1", "a:1", "y:1", "b:1"], "registry-mirrors": ["http://m", "http://z"]}`, "{}",
			`{"insecure-registries": ["x:1", "y:1"], "registry-mirrors": ["http://z"]}`,
		},
		{
			"foreign values between lines", "{\n  \"insecure-registries\": [\n    \"a:1\",\n    \"x:1\",\n    \"b:1\"\n  ]\n}\n", "{\n}\n",
			"{\n  \"insecure-registries\": [\n    \"x:1\"\n  ]\n}\n",
		},
		{"values that stood there before stay", `{"insecure-registries": ["a:1", "b:1", "x:1"]}`, `{"insecure-registries": ["a:1"]}`, `{"insecure-registries": ["a:1", "x:1"]}`},
		{"a key that stood there before stays", `{"insecure-registries": ["a:1", "b:1"], "debug": true}`, `{"insecure-registries": []}`, `{"insecure-registries": [], "debug": true}`},
		{"empty list that we may have left", `{"insecure-registries": [], "debug": true}`, none, `{"debug": true}`},
		{"not a list any more", `{"insecure-registries": "a:1", "debug": true}`, none, `{"insecure-registries": "a:1", "debug": true}`},
		{"before was no JSON", `{"insecure-registries": ["a:1"], "debug": true}`, "?", `{"debug": true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := func(s string) []byte {
				if s == none {
					return nil
				}
				return []byte(s)
			}
			got, err := withdrawJSON(file(tt.live), file(tt.before), []byte(body))
			if err != nil || !Same(got, file(tt.want)) {
				t.Errorf("withdrawn %q, %v\n    want %q", got, err, tt.want)
			}
		})
	}
	if got, err := withdrawJSON([]byte("{"), nil, []byte(body)); err == nil {
		t.Errorf("withdrawn %q from a torn file, want an error", got)
	}
}

func TestDaemonInterim(t *testing.T) {
	none := "nothing"
	for _, tt := range []struct{ name, live, next, want string }{
		{"no file", none, "{}", none},
		{"nothing goes", `{"registry-mirrors": ["http://m"]}`, `{"registry-mirrors": ["http://n"]}`, none},
		{"empty already", `{"registry-mirrors": []}`, "{}", none},
		{"next clears it itself", `{"registry-mirrors": ["http://m"]}`, `{"registry-mirrors": []}`, none},
		{"one key goes", `{"registry-mirrors": ["http://m"]}`, "{\"debug\": true}\n", "{\"debug\": true, \"registry-mirrors\": []}\n"},
		{"the file goes", `{"registry-mirrors": ["http://m"], "insecure-registries": ["a"]}`, none, "{\n  \"insecure-registries\": [],\n  \"registry-mirrors\": []\n}\n"},
		{"other key stays", `{"registry-mirrors": ["http://m"], "insecure-registries": ["a"]}`, `{"registry-mirrors":["http://m"]}`, `{"registry-mirrors":["http://m"],"insecure-registries":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := func(s string) []byte {
				if s == none {
					return nil
				}
				return []byte(s)
			}
			if got := DaemonInterim(file(tt.live), file(tt.next)); !Same(got, file(tt.want)) {
				t.Errorf("interim %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckDaemonJSON(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"empty object", `{}`, ""},
		{"good values", `{"registry-mirrors": ["http://m.lab:5000", "https://m/"], "insecure-registries": ["a", "a:5000", "10.0.0.0/8", "fd00::/8", "[::1]:5000", "fd00::1", "http://a:1", "localhost:32000"]}`, ""},
		{"key that some dockerd may know", `{"features": {"buildkit": true}}`, ""},
		{"torn", `{`, "the file ends"},
		{"no list", `{"registry-mirrors": "http://m"}`, "is no list"},
		{"key in other case", `{"Registry-Mirrors": []}`, `does not know the key "Registry-Mirrors"`},
		{"key with underscore", `{"insecure_registries": []}`, `does not know the key "insecure_registries"`},
		{"no scheme", `{"registry-mirrors": ["m.lab:5000"]}`, "no URL"},
		{"other scheme", `{"registry-mirrors": ["ftp://m.lab"]}`, "scheme"},
		{"query", `{"registry-mirrors": ["http://m.lab?a=b"]}`, "query"},
		{"user", `{"registry-mirrors": ["http://u:p@m.lab"]}`, "user name"},
		{"path", `{"registry-mirrors": ["http://m.lab", "http://m.lab/hub"]}`, "has a path"},
		{"insecure scheme", `{"insecure-registries": ["oci://a"]}`, "scheme"},
		{"insecure path", `{"insecure-registries": ["a:5000/b"]}`, "no host:port"},
		{"insecure port", `{"insecure-registries": ["a:70000"]}`, "port"},
		{"insecure empty", `{"insecure-registries": [""]}`, "no host:port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckDaemonJSON([]byte(tt.data))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			var path *MirrorPath
			if got, want := errors.As(err, &path), tt.name == "path"; got != want {
				t.Errorf("error %v is a MirrorPath: %v, want %v", err, got, want)
			}
		})
	}
}

func FuzzDaemonJSON(f *testing.F) {
	for _, tt := range daemonTests {
		f.Add([]byte(tt.live))
	}
	for _, s := range []string{`{"a":[{}, [], -1.5e+3, null]}`, `{"registry-mirrors":["a","a"]}`, `{"a" 1}`, `{"a":01}`, "{\"a\":\"\x01\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, live []byte) {
		_, err := scanJSON(live)
		if valid := json.Valid(live); valid != (err == nil) {
			t.Fatalf("scanning %q: %v, encoding/json says %v", live, err, valid)
		}
		next, err := proposeJSON(live, []byte(daemonBody))
		if err != nil {
			return
		}
		if !json.Valid(next) {
			t.Fatalf("from %q: %q is no JSON", live, next)
		}
		again, err := proposeJSON(next, []byte(daemonBody))
		if err != nil || !bytes.Equal(again, next) {
			t.Fatalf("from %q: %q, then %q, %v", live, next, again, err)
		}
		if back, err := withdrawJSON(next, live, []byte(daemonBody)); err != nil || !Same(back, live) {
			t.Fatalf("from %q over %q back to %q, %v", live, next, back, err)
		}
		if !isSubsequence(live, next) {
			t.Fatalf("from %q to %q: bytes of others are gone", live, next)
		}
		// Edited by others meanwhile: taking ours out leaves what they mean.
		obj, err := scanObject(next)
		if err != nil {
			t.Fatal(err)
		}
		edited := addMember(next, obj, "regsync-fuzz", []string{"x"})
		back, err := withdrawJSON(edited, live, []byte(daemonBody))
		if err != nil {
			t.Fatalf("withdrawing from %q: %v", edited, err)
		}
		var want, got map[string]any
		if json.Unmarshal(live, &want) != nil || json.Unmarshal(back, &got) != nil {
			t.Fatalf("from %q over %q to %q: no JSON", live, edited, back)
		}
		want["regsync-fuzz"] = []any{"x"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("from %q over %q (-want +got):\n%s", live, edited, diff)
		}
		if interim := DaemonInterim(next, live); interim != nil && !json.Valid(interim) {
			t.Fatalf("interim %q", interim)
		}
	})
}

// isSubsequence reports whether the bytes of part that are no white space stand in whole, in their order.
func isSubsequence(part, whole []byte) bool {
	for _, c := range part {
		if isJSONSpace(c) {
			continue
		}
		i := bytes.IndexByte(whole, c)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

func BenchmarkDaemonJSON(b *testing.B) {
	live := []byte("{\n  \"labels\": [\n" + strings.Repeat("    \"some.label=some value\",\n", 1000) + "    \"last\"\n  ]\n}\n")
	for b.Loop() {
		if _, err := proposeJSON(live, []byte(daemonBody)); err != nil {
			b.Fatal(err)
		}
	}
}
