package probe

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"
)

// limit is how long a connection, and each wait of it, may take; containerd gives it 30 s.
const limit = 5 * time.Second

// connect gives what changes each client so that it does not wait as long as containerd does, and that it finds the names in the hosts file of
// a node whose file system is only mounted.
func (o Options) connect(hostsFile []byte) func(*http.Transport) {
	wait := o.Limit
	if wait == 0 {
		wait = limit
	}
	return func(t *http.Transport) {
		dial := t.DialContext
		t.TLSHandshakeTimeout = min(t.TLSHandshakeTimeout, wait)
		if t.TLSHandshakeTimeout == 0 {
			t.TLSHandshakeTimeout = wait
		}
		t.ResponseHeaderTimeout = 3 * wait
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, wait)
			defer cancel()
			if host, port, err := net.SplitHostPort(address); err == nil && hostsFile != nil {
				if known := inHosts(hostsFile, host); known != "" {
					address = net.JoinHostPort(known, port)
				}
			}
			return dial(ctx, network, address)
		}
	}
}

// inHosts gives the first address of a name in a hosts file; empty where there is none.
func inHosts(file []byte, name string) string {
	for line := range strings.Lines(string(file)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i, f := range fields {
			if i > 0 && strings.EqualFold(f, name) && net.ParseIP(fields[0]) != nil {
				return fields[0]
			}
		}
	}
	return ""
}
