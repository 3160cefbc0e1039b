package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

func TestMain(m *testing.M) {
	rig.Enter()
	m.Run()
}

const token = "xyztoken0123456789"

// patient bounds what must happen but has no time of its own: a machine that is busy is no failure.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// farm is a cluster: stand-ins of agents at 127.0.0.2, 127.0.0.3, …, all on one port, and the way to them.
type farm struct {
	Agents
	authority *rig.Authority
	nodes     []Node
	there     []*rig.Agent
}

type load = func(context.Context, io.Reader) error

// newFarm starts an agent for each of loads.
func newFarm(t *testing.T, loads ...load) *farm {
	t.Helper()
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // another process may hold a port that is free at the first address
		f := &farm{authority: authority}
		if err = f.start(loads); err == nil {
			t.Cleanup(f.close)
			return f
		}
		f.close()
	}
	t.Fatal(err)
	return nil
}

func (f *farm) start(loads []load) error {
	port := 0
	for i, load := range loads {
		address := fmt.Sprintf("127.0.0.%d", i+2)
		there, err := rig.StartAgent(net.JoinHostPort(address, strconv.Itoa(port)), f.authority, token, load)
		if err != nil {
			return err
		}
		f.there = append(f.there, there)
		f.nodes = append(f.nodes, Node{Name: fmt.Sprintf("node-%d", i), Address: address})
		_, text, _ := net.SplitHostPort(there.Address)
		port, _ = strconv.Atoi(text)
	}
	var err error
	f.Agents, err = New(token, f.authority.PEM, port)
	return err
}

func (f *farm) close() {
	for _, there := range f.there {
		there.Close()
	}
}

// drain is a node that takes everything.
func drain(_ context.Context, tar io.Reader) error {
	_, err := io.Copy(io.Discard, tar)
	return err
}

// bytesOf is an archive in memory.
func bytesOf(data []byte) Body {
	return func() (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
	}
}

var small = bytesOf([]byte("a tar of sorts"))
