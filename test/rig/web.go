package rig

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// Web serves the files of a directory, and remembers who asked for what.
type Web struct {
	server http.Server
	files  http.Handler

	mu  sync.Mutex
	log []string
	cut int64 // bytes after which the next answer breaks off; negative: it does not
}

// StartWeb serves a directory on an address, over TLS where config is given.
func StartWeb(address, dir string, config *tls.Config) (*Web, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serving files on %q: %w", address, err)
	}
	w := &Web{files: http.FileServer(http.Dir(dir)), cut: -1}
	w.server = http.Server{Handler: http.HandlerFunc(w.serve), ErrorLog: log.New(io.Discard, "", 0)}
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	go w.server.Serve(listener)
	return w, nil
}

// Close stops serving.
func (w *Web) Close() error { return w.server.Close() }

// Cut breaks the next answer off after so many bytes of its body.
func (w *Web) Cut(after int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = after
}

// Requests returns what was asked, a line each: method, path, range and status.
func (w *Web) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.log...)
}

func (w *Web) serve(out http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	cut := w.cut
	w.cut = -1
	w.mu.Unlock()
	seen := &answer{ResponseWriter: out, status: http.StatusOK}
	if cut < 0 {
		w.files.ServeHTTP(seen, req)
	} else {
		w.files.ServeHTTP(&broken{seen, cut}, req)
	}
	w.mu.Lock()
	w.log = append(w.log, fmt.Sprintf("%s %s range=%s %d", req.Method, req.URL.Path, req.Header.Get("Range"), seen.status))
	w.mu.Unlock()
	if cut >= 0 {
		panic(http.ErrAbortHandler) // closes the connection
	}
}

// broken takes so many bytes of a body and no more.
type broken struct {
	http.ResponseWriter
	left int64
}

func (b *broken) Write(p []byte) (int, error) {
	n, err := b.ResponseWriter.Write(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == nil && n < len(p) {
		http.NewResponseController(b.ResponseWriter).Flush()
		err = io.ErrShortWrite
	}
	return n, err
}
