package render

import (
	"bytes"
	"strings"
	"testing"

	"github.com/regsync/regsync/spec"
)

const ourLine = "192.168.1.140 harbor.lab\n"

const ourBlock = "# BEGIN regsync\n" + ourLine + "# END regsync\n"

// A hosts file, and what it becomes for a body of ourLine.
var blockTests = []struct{ name, live, want string }{
	{"empty", "", ourBlock},
	{"at the end", "127.0.0.1 localhost\n", "127.0.0.1 localhost\n" + ourBlock},
	{"no final newline", "127.0.0.1 localhost", "127.0.0.1 localhost\n" + ourBlock},
	{"crlf", "127.0.0.1 localhost\r\n", "127.0.0.1 localhost\r\n" + strings.ReplaceAll(ourBlock, "\n", "\r\n")},
	{"crlf, no final newline", "::1 a\r\n::1 b", "::1 a\r\n::1 b\r\n" + strings.ReplaceAll(ourBlock, "\n", "\r\n")},
	{"lone carriage return at the end", "::1 a\r", "::1 a\r\n" + strings.ReplaceAll(ourBlock, "\n", "\r\n")},
	{"byte order mark", "\ufeff127.0.0.1 localhost\n", "\ufeff127.0.0.1 localhost\n" + ourBlock},
	{"latin-1 comment", "# caf\xe9\n", "# caf\xe9\n" + ourBlock},
	{"there already", "::1 a\n" + ourBlock + "::1 b\n", "::1 a\n" + ourBlock + "::1 b\n"},
	{"other content", "::1 a\n# BEGIN regsync\n1.2.3.4 old\n# END regsync\n::1 b\n", "::1 a\n" + ourBlock + "::1 b\n"},
	{"after a byte order mark", "\ufeff" + ourBlock + "::1 b\n", "\ufeff" + ourBlock + "::1 b\n"},
	{"another address", "::1 a\n10.0.0.1 x Harbor.LAB # old\n::1 b\n", "::1 a\n" + ourBlock + "10.0.0.1 x Harbor.LAB # old\n::1 b\n"},
	{"another address, tabs and a closing dot", "10.0.0.1\t\tharbor.lab.\n", ourBlock + "10.0.0.1\t\tharbor.lab.\n"},
	{"another address, with a zone", "fe80::1%eth0 harbor.lab\n", ourBlock + "fe80::1%eth0 harbor.lab\n"},
	{"another address before the block", "10.0.0.1 harbor.lab\n::1 a\n" + ourBlock, ourBlock + "10.0.0.1 harbor.lab\n::1 a\n"},
	{"another address behind the block", "::1 a\n" + ourBlock + "::1 b\n10.0.0.1 harbor.lab\n", "::1 a\n" + ourBlock + "::1 b\n10.0.0.1 harbor.lab\n"},
	{"another address, no final newline", "10.0.0.1 harbor.lab", ourBlock + "10.0.0.1 harbor.lab"},
	{"the same address", "192.168.1.140 harbor.lab\n::1 a\n", "192.168.1.140 harbor.lab\n::1 a\n"},
	{"the same address, mapped", "::ffff:192.168.1.140 harbor.lab\n", "::ffff:192.168.1.140 harbor.lab\n"},
	{"the same address beside the block", "192.168.1.140 harbor.lab\n" + ourBlock, "192.168.1.140 harbor.lab\n"},
	{"the same address and another", "192.168.1.140 harbor.lab\n10.0.0.1 harbor.lab\n", "192.168.1.140 harbor.lab\n" + ourBlock + "10.0.0.1 harbor.lab\n"},
	{"only in a comment", "::1 a # 10.0.0.1 harbor.lab\n#10.0.0.1 harbor.lab\n", "::1 a # 10.0.0.1 harbor.lab\n#10.0.0.1 harbor.lab\n" + ourBlock},
	{"no address", "nonsense harbor.lab\n", "nonsense harbor.lab\n" + ourBlock},
	{"part of a name", "10.0.0.1 my.harbor.lab harbor.lab.corp\n", "10.0.0.1 my.harbor.lab harbor.lab.corp\n" + ourBlock},
	{"no end", "::1 a\n# BEGIN regsync\n" + ourLine + "::1 b\n", "::1 a\n" + ourBlock + "::1 b\n"},
	{"no end, changed line", "# BEGIN regsync\n10.9.9.9 theirs\n", ourBlock + "10.9.9.9 theirs\n"},
	{"no begin", "::1 a\n" + ourLine + "# END regsync\n::1 b\n", "::1 a\n" + ourBlock + "::1 b\n"},
	{"nested", "# BEGIN regsync\n" + ourBlock + "# END regsync\n::1 b\n", ourBlock + "::1 b\n"},
	{"two", ourBlock + "::1 a\n" + ourBlock + "::1 b\n", ourBlock + "::1 a\n::1 b\n"},
	{"first half, then a whole one", "# BEGIN regsync\n::1 a\n" + ourBlock, ourBlock + "::1 a\n"},
	{"marker with more on its line", "# BEGIN regsync now\n::1 a\n", "# BEGIN regsync now\n::1 a\n" + ourBlock},
	{"our line elsewhere is not ours", ourLine + "::1 a\n# END regsync\n", ourLine + "::1 a\n"},
}

func TestProposeBlock(t *testing.T) {
	for _, tt := range blockTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := proposeBlock([]byte(tt.live), []byte(ourLine))
			if err != nil || string(got) != tt.want {
				t.Fatalf("proposed %q, %v\n    want %q", got, err, tt.want)
			}
			again, err := proposeBlock(got, []byte(ourLine))
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("proposed again %q, %v\n          want %q", again, err, got)
			}
			back, err := withdrawBlock(got, []byte(tt.live), []byte(ourLine))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(tt.live, " regsync\n") && string(back) != tt.live {
				t.Errorf("withdrawn %q\n     want %q", back, tt.live)
			}
			if strings.Contains(string(back), "# END regsync\n") {
				t.Errorf("withdrawn %q, which holds a marker", back)
			}
		})
	}
}

func TestProposeBlockRefused(t *testing.T) {
	for _, tt := range []struct{ name, live, want string }{
		{"little-endian UTF-16", "\xff\xfe1\x002\x00", "UTF-16"},
		{"big-endian UTF-16", "\xfe\xff\x001\x002", "UTF-16"},
		{"NUL bytes", "::1 a\n::1 \x00\n", "line 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := proposeBlock([]byte(tt.live), []byte(ourLine)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("proposed %q, error %v; want an error with %q", got, err, tt.want)
			}
			if got, err := withdrawBlock([]byte(tt.live), nil, []byte(ourLine)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("withdrawn %q, error %v; want an error with %q", got, err, tt.want)
			}
		})
	}
}

func TestWithdrawBlock(t *testing.T) {
	none := "no file"
	for _, tt := range []struct{ name, live, before, want string }{
		{"no file before", ourBlock, none, none},
		{"empty file before", ourBlock, "", ""},
		{"no file before, foreign line since", ourBlock + "::1 a\n", none, "::1 a\n"},
		{"file gone since", none, "::1 a\n", none},
		{"foreign line since", "::1 a\n" + ourBlock + "::1 b\n", "::1 a", "::1 a\n::1 b\n"},
		{"line end that we made", "::1 a\n" + ourBlock, "::1 a", "::1 a"},
		{"line end that they made", "::1 a\n::1 b\n" + ourBlock, "::1 a", "::1 a\n::1 b\n"},
		{"block gone since", "::1 a\n", "::1 a\n", "::1 a\n"},
		{"end gone since", "::1 a\n# BEGIN regsync\n" + ourLine + "::1 b\n", "::1 a\n", "::1 a\n::1 b\n"},
		{"begin gone since", "::1 a\n" + ourLine + "# END regsync\n::1 b\n", "::1 a\n", "::1 a\n::1 b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := func(s string) []byte {
				if s == none {
					return nil
				}
				return []byte(s)
			}
			got, err := withdrawBlock(file(tt.live), file(tt.before), []byte(ourLine))
			if err != nil || !Same(got, file(tt.want)) {
				t.Errorf("withdrawn %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestProposeBlockFromNoFile(t *testing.T) {
	got, err := proposeBlock(nil, []byte(ourLine))
	if err != nil || string(got) != ourBlock {
		t.Errorf("proposed %q, %v; want %q", got, err, ourBlock)
	}
}

func TestEtcHostsResource(t *testing.T) {
	at := func(line int) spec.Position { return spec.Position{File: "f.yaml", Line: line, Col: 5} }
	s := &spec.Spec{
		Registries: []spec.Registry{
			{Host: "harbor.corp:8443", Address: "192.168.1.140", Pos: at(3)},
			{Host: "harbor.corp", Address: "192.168.1.140", Pos: at(4)},
			{Host: "ghcr.io", Pos: at(5)},
			{Host: "[fd00::1]:5000", Address: "fd00::1", Pos: at(6)},
		},
		EtcHosts: []spec.HostsLine{
			{Address: "192.168.1.140", Names: []string{"Harbor.Corp", "harbor.lab", "h2"}, Pos: at(9)},
			{Address: "fe80::1%eth0", Names: []string{"six"}, Pos: at(10)},
		},
	}
	in := Inputs{
		Layout:    Layout{HostsFile: "/etc/hosts"},
		HostsFile: []byte("127.0.0.1 localhost\n10.0.0.9\tharbor.LAB # old\n192.168.1.140 h2\n"),
	}
	r, warnings, ok := etcHostsResource(s, in)
	if !ok {
		t.Fatal("the spec asks for nothing")
	}
	const body = "192.168.1.140 harbor.corp\n192.168.1.140 harbor.lab h2\nfe80::1%eth0 six\n"
	if string(r.Body) != body {
		t.Errorf("body %q, want %q", r.Body, body)
	}
	if r.String() != "file /etc/hosts" || r.Scope != Block || r.Mode != 0o644 || r.Effect != NoEffect || r.From != at(3) {
		t.Errorf("resource %+v", r)
	}
	if want := "addresses of harbor.corp and 3 more"; r.Why != want {
		t.Errorf("why %q, want %q", r.Why, want)
	}
	if len(warnings) != 1 {
		t.Fatalf("%d warnings %v, want 1", len(warnings), warnings)
	}
	const want = `f.yaml:9:5: etcHosts[0]: line 2 of "/etc/hosts" gives harbor.lab another address: "10.0.0.9\tharbor.LAB # old"; regsync's lines go before it, because the first one counts`
	if got := warnings[0].Error(); got != want {
		t.Errorf("warning %q\n   want %q", got, want)
	}
	if _, _, ok := etcHostsResource(&spec.Spec{Registries: []spec.Registry{{Host: "ghcr.io"}}}, in); ok {
		t.Error("a spec without addresses asks for a block")
	}
}

func FuzzEtcHosts(f *testing.F) {
	for _, tt := range blockTests {
		f.Add([]byte(tt.live), "192.168.1.140", "harbor.lab")
	}
	f.Fuzz(func(t *testing.T, live []byte, address, name string) {
		if a, names := parseHosts([]byte(address + " " + name)); a == "" || len(names) != 1 || strings.ContainsAny(address+name, "\x00\n\r") {
			t.Skip("the spec lets no such line through")
		}
		body := []byte(address + " " + name + "\n")
		next, err := proposeBlock(live, body)
		if err != nil {
			return
		}
		again, err := proposeBlock(next, body)
		if err != nil || !bytes.Equal(again, next) {
			t.Fatalf("from %q: %q, then %q, %v", live, next, again, err)
		}
		if bytes.Contains(live, []byte(" regsync")) {
			return
		}
		back, err := withdrawBlock(next, live, body)
		if err != nil || !Same(back, append([]byte{}, live...)) {
			t.Fatalf("from %q over %q back to %q, %v", live, next, back, err)
		}
		// Edited by others meanwhile: their line and all that was there stays.
		edited, err := withdrawBlock(append(next[:len(next):len(next)], "\n::1 new\n"...), live, body)
		if err != nil || !bytes.HasPrefix(edited, live) || !bytes.HasSuffix(edited, []byte("\n::1 new\n")) {
			t.Fatalf("from %q over %q and an edit back to %q, %v", live, next, edited, err)
		}
	})
}

func BenchmarkEtcHosts(b *testing.B) {
	live := bytes.Repeat([]byte("10.0.0.1 some.name.example alias # comment\n"), 1000)
	for b.Loop() {
		if _, err := proposeBlock(live, []byte(ourLine)); err != nil {
			b.Fatal(err)
		}
	}
}
