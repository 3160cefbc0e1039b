package rig

import (
	"io"
	"net"
	"sync"
)

// Gate stands before a Unix socket, counts what clients send through it, and does something once when it is so much.
type Gate struct {
	listener net.Listener
	target   string

	mu   sync.Mutex
	sent int64
	at   int64
	do   func()
}

// StartGate listens at path and passes everything on to the socket target.
func StartGate(path, target string) (*Gate, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	g := &Gate{listener: listener, target: target}
	go g.serve()
	return g, nil
}

// Close takes no more clients.
func (g *Gate) Close() error { return g.listener.Close() }

// At begins to count anew, and calls do before it passes on what makes it so many bytes.
func (g *Gate) At(bytes int64, do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent, g.at, g.do = 0, bytes, do
}

// Sent is how many bytes were sent since At.
func (g *Gate) Sent() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sent
}

func (g *Gate) serve() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", g.target)
		if err != nil {
			client.Close()
			continue
		}
		go func() {
			io.Copy(client, server)
			client.Close()
		}()
		go func() {
			io.Copy(struct{ io.Writer }{io.MultiWriter(g, server)}, struct{ io.Reader }{client})
			server.Close()
		}()
	}
}

// Write counts.
func (g *Gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	g.sent += int64(len(p))
	var do func()
	if g.do != nil && g.sent >= g.at {
		do, g.do = g.do, nil
	}
	g.mu.Unlock()
	if do != nil {
		do()
	}
	return len(p), nil
}
