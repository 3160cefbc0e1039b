package agent

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

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
