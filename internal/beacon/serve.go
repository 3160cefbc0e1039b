package beacon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Listen answers at an address from now on: GET /metrics for Prometheus, /healthz (the loop moves), /readyz (all was once as it should be,
// and the file is valid). The address is HOST:PORT, or unix:///PATH, whose socket the owner and the group may use.
func (b *Beacon) Listen(address string) error {
	l, err := listen(address)
	if err != nil {
		return fmt.Errorf("listening on %q: %w", address, err)
	}
	b.server = &http.Server{Handler: b.routes(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute}
	go func() { _ = b.server.Serve(l) }() // until Close; it says nothing else
	return nil
}

// CheckAddress says what is wrong with an address to listen on.
func CheckAddress(address string) error {
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("%q is no address: a socket is unix:///PATH, with an absolute path", address)
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%q is no address: it must be HOST:PORT or unix:///PATH", address)
	}
	return nil
}

func listen(address string) (net.Listener, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	path, unix := strings.CutPrefix(address, "unix://")
	if !unix {
		return net.Listen("tcp", address)
	}
	if err := sweep(path); err != nil {
		return nil, err
	}
	// With this mask nobody else gets in before the mode is set. Nothing else of ours makes files yet.
	old := syscall.Umask(0o117)
	l, err := net.Listen("unix", path)
	syscall.Umask(old)
	return l, err
}

// sweep removes the socket of a service that is gone. One that somebody answers on is not ours to take, and nothing else is removed.
func sweep(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("something is there that is no socket")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return errors.New("another process listens there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("whether another process listens there cannot be told: %w", err)
	}
	return os.Remove(path)
}

func (b *Beacon) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", expositionType)
		b.metrics.page().write(w)
	})
	mux.HandleFunc("GET /healthz", answer(b.sick))
	mux.HandleFunc("GET /readyz", answer(b.unready))
	return mux
}

// answer says ok, or what is wrong.
func answer(wrong func() string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if why := wrong(); why != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, why)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// sick says that the loop hangs; empty: it does not.
func (b *Beacon) sick() string {
	if d := b.notify.still(); d > 0 {
		return fmt.Sprintf("nothing has moved for %s", d.Round(time.Second))
	}
	return ""
}

// unready says why the node is not to be relied on; empty: it is.
func (b *Beacon) unready() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.status.Spec != nil:
		return "the file is not valid: " + b.status.Spec.Message
	case !b.wasReady:
		return "the node was not yet as the file says"
	}
	return ""
}

// unlisten ends the answering; whoever is being answered gets a moment.
func (b *Beacon) unlisten() {
	if b.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = b.server.Shutdown(ctx)
}
