package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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

// failing makes a node fail as ctr does.
func failing(_ context.Context, tar io.Reader) error {
	io.CopyN(io.Discard, tar, 3)
	return errors.New("exit status 1")
}

func TestFaults(t *testing.T) {
	stranger, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		load    load
		change  func(f *farm)
		kind    error
		message string // part of it
		hint    string
	}{
		"another token": {
			change: func(f *farm) { f.there[0].Token = "another" },
			kind:   ErrUnauthorized, message: `401 Unauthorized: "invalid token"`, hint: "callback-token.txt",
		},
		"another token, as the first agents said it": {
			change: func(f *farm) { f.there[0].Answer(500, `{"error":"invalid token"}`) },
			kind:   ErrUnauthorized, message: "500",
		},
		"ctr fails": {
			load: failing, kind: ErrRefused, message: "microk8s.ctr command failed: exit status 1", hint: "journalctl",
		},
		"no image data": {
			change: func(f *farm) { f.there[0].Answer(400, `{"error":"no image data"}`) },
			kind:   ErrRefused, message: `400 Bad Request: "no image data"`,
		},
		"an old agent": {
			change: func(f *farm) { f.there[0].Answer(404, `{"error":"not found"}`) },
			kind:   ErrRefused, message: `404 Not Found: "not found"`, hint: "1.25",
		},
		"a web page": {
			change: func(f *farm) { f.there[0].Answer(200, "<html>\n<title>Welcome to nginx!</title>") },
			kind:   ErrNotAgent, message: `200 OK and "<html>\n<title>Welcome`,
		},
		"a web page, not found": {
			change: func(f *farm) { f.there[0].Answer(404, "<html>404</html>") },
			kind:   ErrNotAgent,
		},
		"other JSON": {
			change: func(f *farm) { f.there[0].Answer(200, `{"kind":"Status"}`) },
			kind:   ErrNotAgent, message: `{\"kind\":\"Status\"}`,
		},
		"OK that is not OK": {
			change: func(f *farm) { f.there[0].Answer(200, `{"status":"queued"}`) },
			kind:   ErrNotAgent,
		},
		"nothing at all": {
			change: func(f *farm) { f.there[0].Answer(200, "") },
			kind:   ErrNotAgent,
		},
		"nobody listens": {
			change: func(f *farm) { f.there[0].Close() },
			kind:   ErrUnreachable, message: "connection refused", hint: "daemon-cluster-agent",
		},
		"no address": {
			change: func(f *farm) { f.nodes[0].Address = "" },
			kind:   ErrUnreachable, message: "no InternalIP",
		},
		"the connection breaks": {
			load: func(_ context.Context, tar io.Reader) error {
				io.Copy(io.Discard, tar)
				panic(http.ErrAbortHandler)
			},
			kind: ErrUnreachable, message: "broke after 14 of 14 bytes",
		},
		"an authority of its own": {
			change: func(f *farm) { f.authority = stranger; f.again(t) },
			kind:   ErrUntrusted, message: "one for 127.0.0.2, signed by the cluster's certs/ca.crt, was expected", hint: "pin it",
		},
		"another address": {
			change: func(f *farm) { f.nodes[0].Address = "127.0.0.99"; f.again(t) },
			kind:   ErrUntrusted, message: "10.152.183.1, 127.0.0.2", hint: "refresh-certs",
		},
		"another pin": {
			change: func(f *farm) { f.Pins = map[string]string{"node-0": strings.Repeat("00", 32)} },
			kind:   ErrUntrusted, message: "is pinned for this node",
		},
		"time is over": {
			load: func(ctx context.Context, tar io.Reader) error {
				io.Copy(io.Discard, tar)
				<-ctx.Done()
				return errors.New("signal: killed")
			},
			change: func(f *farm) { f.there[0].Cut, f.Limit = 50*time.Millisecond, 50*time.Millisecond },
			kind:   ErrTimedOut, message: "after 50ms, when 14 of 14 bytes were sent", hint: "--timeout",
		},
		"time is over and the connection breaks": {
			load: func(ctx context.Context, _ io.Reader) error {
				<-ctx.Done()
				panic(http.ErrAbortHandler)
			},
			change: func(f *farm) { f.there[0].Cut, f.Limit = 50*time.Millisecond, 50*time.Millisecond },
			kind:   ErrTimedOut,
		},
		"it hangs": {
			change: func(f *farm) { f.there[0].Hang(); f.Limit = 50 * time.Millisecond },
			kind:   ErrTimedOut, message: "no answer",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.load == nil {
				c.load = drain
			}
			f := newFarm(t, c.load)
			if c.change != nil {
				c.change(f)
			}
			err := f.Push(patient(t), f.nodes[0], small, nil)
			var fault *Fault
			if !errors.Is(err, c.kind) || !errors.As(err, &fault) || fault.Node.Name != "node-0" {
				t.Fatalf("got %v, want %v", err, c.kind)
			}
			if !strings.Contains(err.Error(), c.message) || !strings.Contains(fault.Hint, c.hint) {
				t.Errorf("it says %q and hints %q", err, fault.Hint)
			}
			t.Log(err, "·", fault.Hint)
		})
	}
}

// again puts another agent, with the farm's present authority and its first certificate's address, where the first node is looked for.
func (f *farm) again(t *testing.T) {
	t.Helper()
	f.there[0].Close()
	config, err := f.authority.Server(false, rig.ServerNames("127.0.0.2")...)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(f.nodes[0].Address, strconv.Itoa(f.Port)))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() { server.Close() })
}

// What does not speak TLS, or says nothing at all, is told apart from an agent.
func TestOtherServices(t *testing.T) {
	for name, c := range map[string]struct {
		greeting string
		kind     error
	}{
		"SSH":    {"SSH-2.0-OpenSSH_9.2p1\r\n", ErrNotAgent},
		"HTTP":   {"HTTP/1.1 400 Bad Request\r\n\r\n", ErrNotAgent},
		"silent": {"", ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			greeting := c.greeting
			go func() {
				for {
					c, err := listener.Accept()
					if err != nil {
						return
					}
					defer c.Close()
					io.WriteString(c, greeting)
				}
			}()
			f := newFarm(t, drain)
			f.dialling = 50 * time.Millisecond
			f.Port = listener.Addr().(*net.TCPAddr).Port
			if err := f.Push(patient(t), Node{Name: "b", Address: "127.0.0.1"}, small, nil); !errors.Is(err, c.kind) {
				t.Errorf("got %v, want %v", err, c.kind)
			}
		})
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

// A node that says no gets nothing of the archive.
func TestNothingSentToNo(t *testing.T) {
	f := newFarm(t, drain)
	f.there[0].Token = "another"
	big := make([]byte, 8<<20)
	err := f.Push(patient(t), f.nodes[0], bytesOf(big), func(sent int64) { t.Errorf("%d bytes are on their way", sent) })
	if !errors.Is(err, ErrUnauthorized) {
		t.Error(err)
	}
}

// An answer that comes while the archive is on its way is not lost in the connection that the agent then closes.
func TestEarlyAnswer(t *testing.T) {
	f := newFarm(t, failing)
	err := f.Push(patient(t), f.nodes[0], bytesOf(make([]byte, 32<<20)), nil)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "exit status 1") {
		t.Error(err)
	}
}

func TestRedirect(t *testing.T) {
	f := newFarm(t, drain, drain)
	f.there[0].Next(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://"+f.there[1].Address+rig.AgentImport, http.StatusTemporaryRedirect)
	})
	if err := f.Push(patient(t), f.nodes[0], small, nil); !errors.Is(err, ErrNotAgent) || !strings.Contains(err.Error(), "pointed to") {
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

// gate gives one half of an archive, and the other when the node has got the first.
type gate struct {
	given int
	half  []byte
	there <-chan struct{}
}

func (g *gate) Read(p []byte) (int, error) {
	switch {
	case g.given == 2*len(g.half):
		return 0, io.EOF
	case g.given == len(g.half):
		<-g.there
	}
	n := copy(p, g.half[g.given%len(g.half):])
	g.given += n
	return n, nil
}

func TestStreams(t *testing.T) {
	half := make([]byte, 1<<20)
	there := make(chan struct{})
	f := newFarm(t, func(_ context.Context, tar io.Reader) error {
		if _, err := io.ReadFull(tar, make([]byte, len(half)/2)); err != nil {
			return err
		}
		close(there)
		return drain(nil, tar)
	})
	body := func() (io.ReadCloser, int64, error) {
		return io.NopCloser(&gate{half: half, there: there}), int64(2 * len(half)), nil
	}
	if err := f.Push(patient(t), f.nodes[0], body, nil); err != nil {
		t.Fatal(err)
	}
}

// A gigabyte to two nodes at a time takes a few buffers.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("pushes 2 GiB")
	}
	sparse, err := os.Create(t.TempDir() + "/images.tar")
	if err != nil {
		t.Fatal(err)
	}
	defer sparse.Close()
	if err := sparse.Truncate(1 << 30); err != nil {
		t.Fatal(err)
	}
	body := func() (io.ReadCloser, int64, error) {
		file, err := os.Open(sparse.Name())
		return file, 1 << 30, err
	}
	count := func(_ context.Context, tar io.Reader) error {
		if n, err := io.Copy(io.Discard, tar); n != 1<<30 || err != nil {
			return fmt.Errorf("%d bytes, %v", n, err)
		}
		return nil
	}
	f := newFarm(t, count, count)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, err := range f.PushAll(patient(t), f.nodes, 2, body, nil) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	runtime.ReadMemStats(&after)
	// All that was ever allocated, by both ends and whether it was freed or not.
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 64 {
		t.Errorf("%d MiB were allocated", got)
	} else {
		t.Logf("%d MiB were allocated", got)
	}
}
