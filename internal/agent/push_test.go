package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

func TestPush(t *testing.T) {
	want := bytes.Repeat([]byte("tar"), 300_000)
	var got []byte
	f := newFarm(t, func(_ context.Context, tar io.Reader) (err error) {
		got, err = io.ReadAll(tar)
		return err
	})
	var told []int64
	if err := f.Push(patient(t), f.nodes[0], bytesOf(want), func(sent int64) { told = append(told, sent) }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the node got %d bytes, want %d", len(got), len(want))
	}
	if !slices.IsSorted(told) || told[len(told)-1] != int64(len(want)) {
		t.Errorf("told %v", told)
	}
	if got, want := f.there[0].Requests(), []string{"POST /cluster/api/v2.0/image/import 200"}; !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// An archive that is decompressed on its way has no size that anybody knows.
func TestUnknownSize(t *testing.T) {
	want := bytes.Repeat([]byte("tar"), 300_000)
	var got []byte
	f := newFarm(t, func(_ context.Context, tar io.Reader) (err error) {
		got, err = io.ReadAll(tar)
		return err
	})
	body := func() (io.ReadCloser, int64, error) { return io.NopCloser(bytes.NewReader(want)), -1, nil }
	if err := f.Push(patient(t), f.nodes[0], body, nil); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the node got %d bytes: %v", len(got), err)
	}
}

func TestHeader(t *testing.T) {
	f := newFarm(t, drain)
	var header http.Header
	var length int64
	f.there[0].Next(func(w http.ResponseWriter, r *http.Request) {
		header, length = r.Header.Clone(), r.ContentLength
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"status":"OK"}`)
	})
	if err := f.Push(patient(t), f.nodes[0], small, nil); err != nil {
		t.Fatal(err)
	}
	if header.Get("x-microk8s-callback-token") != token || length != 14 {
		t.Errorf("header %v, length %d", header, length)
	}
}

func TestPins(t *testing.T) {
	f := newFarm(t, drain)
	stranger, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	if f.Agents, err = New(token, stranger.PEM, f.Port); err != nil {
		t.Fatal(err)
	}
	err = f.Push(patient(t), f.nodes[0], small, nil)
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(fault.Detail, "sha256 ")
	pin := rest[:64]
	for _, form := range []string{pin, strings.ToUpper(pin[:2] + ":" + pin[2:])} { // openssl x509 -fingerprint has colons
		f.Pins = map[string]string{"node-0": form}
		if err := f.Push(patient(t), f.nodes[0], small, nil); err != nil {
			t.Error(err)
		}
	}
	f.Pins = map[string]string{"node-1": pin}
	if err := f.Push(patient(t), f.nodes[0], small, nil); !errors.Is(err, ErrUntrusted) {
		t.Errorf("another node's pin: %v", err)
	}
}

func TestRedirect(t *testing.T) {
	f := newFarm(t, drain, drain)
	f.there[0].Next(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+f.there[1].Address+rig.AgentImport, http.StatusTemporaryRedirect)
	})
	if err := f.Push(patient(t), f.nodes[0], small, nil); !errors.Is(err, ErrNotAgent) || !strings.Contains(err.Error(), rig.AgentImport) {
		t.Error(err)
	}
	if asked := f.there[1].Requests(); len(asked) > 0 {
		t.Errorf("the token went elsewhere: %q", asked)
	}
}

func TestArchiveFaults(t *testing.T) {
	broken := errors.New("input/output error")
	for name, c := range map[string]struct {
		body    Body
		message string
	}{
		"cannot be opened": {
			func() (io.ReadCloser, int64, error) { return nil, 0, broken },
			`opening the archive for node "node-0": input/output error`,
		},
		"cannot be read": {
			func() (io.ReadCloser, int64, error) {
				return io.NopCloser(io.MultiReader(strings.NewReader("abc"), errorReader{broken})), 10, nil
			},
			`reading the archive for node "node-0": input/output error`,
		},
		"has shrunk": {
			func() (io.ReadCloser, int64, error) { return io.NopCloser(strings.NewReader("abc")), 10, nil },
			`reading the archive for node "node-0": it ended after 3 of 10 bytes`,
		},
		"has grown": {
			func() (io.ReadCloser, int64, error) { return io.NopCloser(strings.NewReader("abcdef")), 3, nil },
			`reading the archive for node "node-0": it has more than the 3 bytes that it had`,
		},
		"of unknown size, is empty": {
			func() (io.ReadCloser, int64, error) { return io.NopCloser(strings.NewReader("")), -1, nil },
			`reading the archive for node "node-0": it is empty`,
		},
		"of unknown size, cannot be read": {
			func() (io.ReadCloser, int64, error) { return io.NopCloser(errorReader{broken}), -1, nil },
			`reading the archive for node "node-0": input/output error`,
		},
		"is empty": {
			func() (io.ReadCloser, int64, error) { return io.NopCloser(strings.NewReader("")), 0, nil },
			`opening the archive for node "node-0": it is empty`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFarm(t, drain)
			err := f.Push(patient(t), f.nodes[0], c.body, nil)
			var fault *Fault
			if err == nil || err.Error() != c.message || errors.As(err, &fault) {
				t.Errorf("got %v, want %v", err, c.message)
			}
		})
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// The token is in no message, whatever is printed and whatever a node says.
func TestTokenIsNotShown(t *testing.T) {
	f := newFarm(t, drain)
	f.there[0].Answer(500, `{"error":"what is `+token+`?"}`)
	err := f.Push(patient(t), f.nodes[0], small, nil)
	for _, text := range []string{err.Error(), fmt.Sprintf("%v %+v %#v", f.Agents, f.Agents, f.Agents)} {
		if strings.Contains(text, token) {
			t.Errorf("%s", text)
		}
	}
}
