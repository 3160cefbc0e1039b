package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/regsync/regsync/render"
)

// Info is what a running dockerd says of itself.
type Info struct {
	ServerVersion      string   // 20.10.24
	InsecureRegistries []string // CIDRs and host:port, sorted, without loopback, which is always there
	Mirrors            []string // of docker.io, in order, each with a closing slash
}

// Info asks the daemon. It fails with ErrNotRunning where there is none.
func (d Daemon) Info(ctx context.Context) (Info, error) {
	if !d.running() {
		return Info{}, ErrNotRunning
	}
	socket := d.socket()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/info", nil)
	if err != nil {
		return Info{}, err
	}
	response, err := transport.RoundTrip(request)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED):
		return Info{}, fmt.Errorf("asking dockerd on %q: %w", socket, ErrNotRunning)
	case err != nil:
		return Info{}, fmt.Errorf("asking dockerd on %q: %w", socket, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return Info{}, fmt.Errorf("asking dockerd on %q: %w", socket, err)
	}
	if response.StatusCode != http.StatusOK {
		return Info{}, fmt.Errorf("asking dockerd on %q: %s: %.200s", socket, response.Status, body)
	}
	return parseInfo(body)
}

// AwaitInfo asks the daemon until ok holds, and gives the last answer. dockerd reloads in its own time, and may be starting, so no answer
// is a reason to give up before ctx ends.
func (d Daemon) AwaitInfo(ctx context.Context, ok func(Info) bool) (Info, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last Info
	var why error
	for {
		info, err := d.Info(ctx)
		switch {
		case err == nil && ok(info):
			return info, nil
		case err == nil:
			last, why = info, nil
		case ctx.Err() == nil:
			why = err
		}
		select {
		case <-ctx.Done():
			if why != nil {
				return last, fmt.Errorf("waiting for dockerd: %w, and %w", ctx.Err(), why)
			}
			return last, fmt.Errorf("waiting for dockerd: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// Missing says how the daemon differs from a daemon.json, one difference a line; none where it has taken the file. Of a key that
// the file lacks nothing can be said: its values may be those of a flag. nil is no file.
func (i Info) Missing(daemonJSON []byte) []string {
	if daemonJSON == nil {
		return nil
	}
	var file struct {
		Insecure []string `json:"insecure-registries"`
		Mirrors  []string `json:"registry-mirrors"`
	}
	if err := json.Unmarshal(daemonJSON, &file); err != nil {
		return []string{fmt.Sprintf("dockerd cannot read the file: %v", err)}
	}
	var diffs []string
	if file.Insecure != nil {
		have, want := fold(i.InsecureRegistries, render.FoldInsecure), fold(file.Insecure, render.FoldInsecure)
		want = slices.DeleteFunc(want, alwaysThere)
		diffs = append(diffs, differences("insecure-registries", have, want)...)
	}
	if file.Mirrors != nil {
		have, want := fold(i.Mirrors, render.FoldMirror), fold(file.Mirrors, render.FoldMirror)
		d := differences("registry-mirrors", have, want)
		if d == nil && !slices.Equal(have, want) {
			d = []string{fmt.Sprintf("registry-mirrors: dockerd has them in another order: %s", strings.Join(have, ", "))}
		}
		diffs = append(diffs, d...)
	}
	return diffs
}

// differences compares two lists without regard to order.
func differences(key string, have, want []string) []string {
	var diffs []string
	for _, v := range want {
		if !slices.Contains(have, v) {
			diffs = append(diffs, fmt.Sprintf("%s: dockerd does not have %q", key, v))
		}
	}
	for _, v := range have {
		if !slices.Contains(want, v) {
			diffs = append(diffs, fmt.Sprintf("%s: dockerd still has %q", key, v))
		}
	}
	return diffs
}

// fold gives the values in one spelling, each once.
func fold(values []string, spelling func(string) string) []string {
	var folded []string
	for _, v := range values {
		if v = spelling(v); !slices.Contains(folded, v) {
			folded = append(folded, v)
		}
	}
	return folded
}

// alwaysThere reports whether dockerd has its own mind about an insecure registry: loopback always is one, Docker Hub never
// (moby registry/config.go, loadInsecureRegistries).
func alwaysThere(value string) bool {
	return value == "127.0.0.0/8" || value == "::1/128" || value == "docker.io"
}

// parseInfo reads the answer to GET /info (Docker Engine API, SystemInfo).
func parseInfo(body []byte) (Info, error) {
	var answer struct {
		ServerVersion  string
		RegistryConfig struct {
			InsecureRegistryCIDRs []string
			IndexConfigs          map[string]struct{ Secure bool }
			Mirrors               []string
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Info{}, fmt.Errorf("reading dockerd's answer: %w", err)
	}
	info := Info{ServerVersion: answer.ServerVersion, Mirrors: answer.RegistryConfig.Mirrors}
	info.InsecureRegistries = answer.RegistryConfig.InsecureRegistryCIDRs
	for name, index := range answer.RegistryConfig.IndexConfigs {
		if !index.Secure {
			info.InsecureRegistries = append(info.InsecureRegistries, name)
		}
	}
	info.InsecureRegistries = slices.DeleteFunc(info.InsecureRegistries, alwaysThere)
	slices.Sort(info.InsecureRegistries)
	return info, nil
}
