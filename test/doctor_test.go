package test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/regsync/regsync/test/rig"
)

func init() {
	commands["doctor"] = cmdDoctor
	commands["finds"] = cmdFinds
	commands["healthy"] = cmdHealthy
	commands["odd"] = cmdOdd
	commands["dns"] = cmdDNS
	commands["disk"] = cmdDisk
	commands["ends"] = cmdEnds
	commands["proxy"] = cmdProxy
	commands["await-managed"] = cmdAwaitManaged
}

// finding is one of doctor's.
type finding struct {
	Rule, Severity, Path, Cause, Remedy string
	Line                                int
}

// doctor [FLAGS…]: regsync doctor looks at the node; finds and healthy are about what it found.
func cmdDoctor(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(filepath.Join(here(ts).bin, "regsync"), append([]string{"doctor", "-o", "json"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	out, err := cmd.Output()
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
		if code != 2 {
			ts.Fatalf("exit code %d: %s", code, exit.Stderr)
		}
	} else {
		ts.Check(err)
	}
	var said struct{ Findings []finding }
	ts.Check(json.Unmarshal(out, &said))
	if (code == 2) != (len(said.Findings) > 0) || neg {
		ts.Fatalf("exit code %d with %d findings", code, len(said.Findings))
	}
	fmt.Fprintln(ts.Stdout(), string(out))
	for _, f := range said.Findings {
		ts.Logf("%s %s %s:%d %s", f.Severity, f.Rule, f.Path, f.Line, f.Cause)
	}
	found = append(found[:0:0], said.Findings...)
}

var found []finding // of the story: each runs in a process of its own

// finds RULE [PATH[:LINE] [SEVERITY [TEXT]]]: doctor found this, there, so bad, with this in its cause. Negated: the rule found nothing (there).
func cmdFinds(ts *testscript.TestScript, neg bool, args []string) {
	is := slices.ContainsFunc(found, func(f finding) bool {
		at := f.Path
		if f.Line > 0 {
			at += ":" + strconv.Itoa(f.Line)
		}
		return f.Rule == args[0] && f.Remedy != "" &&
			(len(args) < 2 || at == args[1] || f.Path == args[1]) &&
			(len(args) < 3 || f.Severity == args[2]) &&
			(len(args) < 4 || strings.Contains(f.Cause, args[3]))
	})
	if is == neg {
		ts.Fatalf("%q among %+v: %v", args, found, is)
	}
}

// healthy: doctor found nothing, but for how full the disk is on which the suite runs.
func cmdHealthy(ts *testscript.TestScript, neg bool, _ []string) {
	found := slices.DeleteFunc(slices.Clone(found), func(f finding) bool { return strings.HasPrefix(f.Rule, "disk-") })
	if (len(found) == 0) == neg {
		ts.Fatalf("found: %+v", found)
	}
}

// odd start ADDRESS KIND: a registry over TLS whose certificate has expired, expires soon, is early, or is for another name; or one of plain
// http that is in the past, answers with a page, is missing (404), or is failing (503).
func cmdOdd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 || args[0] != "start" || neg {
		ts.Fatalf("usage: odd start ADDRESS expired|soon|early|other|past|page|missing|failing")
	}
	n, address := here(ts), args[1]
	host, _, err := net.SplitHostPort(address)
	ts.Check(err)
	now, day := time.Now(), 24*time.Hour
	validity := map[string][2]time.Time{
		"expired": {now.Add(-9 * day), now.Add(-2 * day)}, "soon": {now.Add(-9 * day), now.Add(2 * day)},
		"early": {now.Add(day), now.Add(90 * day)}, "other": {now.Add(-day), now.Add(90 * day)},
	}
	var config *tls.Config
	if times, ok := validity[args[2]]; ok {
		if args[2] == "other" {
			host = "elsewhere.lab"
		}
		config, err = n.authority.ServerFor(times[0], times[1], host)
		ts.Check(err)
	}
	registry, err := rig.StartRegistry(address, config)
	ts.Check(err)
	switch status := map[string]int{"page": 200, "missing": 404, "failing": 503}[args[2]]; {
	case status > 0:
		registry.Refuse = func(*http.Request) int { return status }
	case args[2] == "past":
		registry.Clock = func() time.Time { return time.Now().Add(-time.Hour) }
	}
	n.registries[address] = registry
}

// dns NAME ADDRESS: a name server at 127.0.0.53, which is the node's, gives a name this address, and knows no other.
func cmdDNS(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: dns NAME ADDRESS")
	}
	address, err := netip.ParseAddr(args[1])
	ts.Check(err)
	conn, err := net.ListenPacket("udp", "127.0.0.53:53")
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Check(os.WriteFile("/etc/resolv.conf", []byte("nameserver 127.0.0.53\n"), 0o644))
	go func() {
		buffer := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer, err := resolve(buffer[:size], args[0], address); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
}

// resolve answers one question.
func resolve(packet []byte, name string, address netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil || len(m.Questions) != 1 {
		return nil, errors.New("no question")
	}
	m.Response = true
	q := m.Questions[0]
	switch {
	case q.Name.String() != name+".":
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	return m.Pack()
}

// disk small: containerd, which has not started yet, gets a file system of its own for images, of 64 MB.
// disk fill PERCENT: so much of it is in use then.
func cmdDisk(ts *testscript.TestScript, neg bool, args []string) {
	dir := filepath.Join(here(ts).dir, "containerd")
	filler := filepath.Join(dir, "filler")
	switch {
	case neg:
		ts.Fatalf("usage: disk small | disk fill PERCENT")
	case args[0] == "small":
		ts.Check(os.MkdirAll(dir, 0o755))
		ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"))
	default:
		percent, err := strconv.ParseUint(args[1], 10, 64)
		ts.Check(err)
		ts.Check(os.RemoveAll(filler))
		var st unix.Statfs_t
		ts.Check(unix.Statfs(dir, &st))
		size := st.Blocks * uint64(st.Bsize)
		used := size - st.Bavail*uint64(st.Bsize)
		ts.Check(os.WriteFile(filler, make([]byte, max(size*percent/100, used)-used), 0o600))
	}
}

// ends: containerd has ended by itself, or does so within a while.
func cmdEnds(ts *testscript.TestScript, neg bool, _ []string) {
	n := here(ts)
	if neg || !n.containerd.Ended(30*time.Second) {
		ts.Fatalf("containerd goes on")
	}
	n.containerd.Stop()
	n.containerd = nil
}

// proxy URL EXCEPT: daemons that are started from now on have this proxy for http, and NO_PROXY.
func cmdProxy(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: proxy URL EXCEPT")
	}
	ts.Check(os.Setenv("HTTP_PROXY", args[0]))
	ts.Check(os.Setenv("NO_PROXY", args[1]))
}

// await-managed IMAGE: the CRI has seen that the image has come in.
func cmdAwaitManaged(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: await-managed IMAGE")
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-again.C {
		list, err := ctr(rig.ContainerdSocket, "images", "ls", "name=="+args[0])
		ts.Check(err)
		if strings.Contains(string(list), "io.cri-containerd.image=managed") {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the CRI has not seen %s:\n%s", args[0], list)
		}
	}
}
