package runtime

import (
	"errors"
	"net"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWholly: who reads from a connection hears of it when it can no longer be written to, though the other side is there.
func TestWholly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialled, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept() // and silent
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	conn := wholly{dialled}
	heard := make(chan error)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		heard <- err
	}()
	if err := dialled.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("anything")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("writing gave %v", err)
	}
	if err := <-heard; !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading gave %v", err)
	}
}
