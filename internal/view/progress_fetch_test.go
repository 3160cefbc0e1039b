package view

import (
	"bytes"
	"errors"
	"testing"
)

func TestFetching(t *testing.T) {
	const name = "https://a.example/base.tar"
	for want, tell := range map[string]func(*Fetching){
		"": func(f *Fetching) { f.Close(nil) },
		"fetched " + name + "  64 MB in 1.0 s\n": func(f *Fetching) {
			f.Tell(0, 64e6)
			f.Tell(64e6, 64e6)
			f.Close(nil)
		},
		"fetched " + name + "  24 MB in 1.0 s\n": func(f *Fetching) { // goes on where another run ended
			f.Tell(40e6, 64e6)
			f.Tell(64e6, 64e6)
			f.Close(nil)
		},
		"fetched " + name + "  65 MB in 1.5 s\n": func(f *Fetching) { // begins anew
			f.Tell(40e6, 64e6)
			f.Tell(0, -1)
			f.Tell(32e6, -1)
			f.Tell(65e6, -1)
			f.Close(nil)
		},
	} {
		var b bytes.Buffer
		f := NewFetching(&b, false, name)
		f.now = clock()
		tell(f)
		if b.String() != want {
			t.Errorf("%q, want %q", b.String(), want)
		}
	}
	var b bytes.Buffer
	f := NewFetching(&b, false, name)
	f.Tell(1, 2)
	if f.Close(errors.New("cut off")); b.Len() > 0 {
		t.Errorf("%q after a failure", b.String())
	}
}

func TestFetchingBar(t *testing.T) {
	tty := newTerminal(t, 24, 100)
	f := NewFetching(tty.slave, true, "https://a.example/base.tar")
	f.now = clock()
	f.Tell(10e6, 64e6)
	f.Tell(10e6, 64e6)
	f.Tell(37e6, 64e6)
	tty.await(t, "base.tar  [============>         ]  37 MB of 64 MB  27 MB/s  1 s left")
	f.Close(nil)
	if got := tty.screen(t); got != "fetched https://a.example/base.tar  27 MB in 1.5 s\n" {
		t.Errorf("%q", got)
	}
}
