package agent

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/regsync/regsync/test/rig"
)

// tree is a node's files by their paths.
type tree map[string]string

func (m tree) read(path string) ([]byte, error) {
	text, ok := m[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func TestFind(t *testing.T) {
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	stock := tree{
		"/var/snap/microk8s/current/credentials/callback-token.txt": token + "\n",
		"/var/snap/microk8s/current/certs/ca.crt":                   string(authority.PEM),
		"/var/snap/microk8s/current/args/cluster-agent": "--bind 0.0.0.0:25000\n--keyfile \"${SNAP_DATA}/certs/server.key\"\n" +
			"--certfile \"${SNAP_DATA}/certs/server.crt\"\n--timeout 240\n",
	}
	for name, c := range map[string]struct {
		set     tree // "-" takes a file away
		token   Token
		port    int
		limit   time.Duration
		message string
	}{
		"stock":              {},
		"no newline":         {set: tree{tokenFile: token}},
		"blank lines, a ttl": {set: tree{tokenFile: "\n \nabc|35616531876\nxyz\n"}, token: "abc"},
		"another port":       {set: tree{argsFile: "--bind=[::]:26000 --timeout=600"}, port: 26000, limit: 10 * time.Minute},
		"quoted":             {set: tree{argsFile: `--bind "0.0.0.0:26000" # was 25000`}, port: 26000},
		"the last one holds": {set: tree{argsFile: "--bind :26000\n--bind :26001\n"}, port: 26001},
		"no arguments":       {set: tree{argsFile: "-"}},
		"without a value":    {set: tree{argsFile: "--bind"}},
		"a worker":           {set: tree{remoteCAFile: string(authority.PEM)}},
		"alone": {
			set: tree{tokenFile: "-"},
			message: `reading "/var/snap/microk8s/current/credentials/callback-token.txt": file does not exist: ` +
				`MicroK8s writes it when nodes join, so this node is in no cluster`,
		},
		"an empty token": {set: tree{tokenFile: "\n"}, message: `callback-token.txt": no token in it`},
		"no CA":          {set: tree{caFile: "-"}, message: `certs/ca.crt": file does not exist`},
		"a broken CA":    {set: tree{caFile: "-----BEGIN"}, message: `certs/ca.crt": the cluster's CA: no certificate in it`},
		"no port":        {set: tree{argsFile: "--bind 0.0.0.0"}, message: `args/cluster-agent": --bind: address 0.0.0.0: missing port`},
		"a port's name":  {set: tree{argsFile: "--bind :https"}, message: `--bind: no port in ":https"`},
		"no time":        {set: tree{argsFile: "--timeout 4m"}, message: `--timeout: "4m" is no number of seconds`},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(stock)
			maps.Copy(files, c.set)
			maps.DeleteFunc(files, func(_, text string) bool { return text == "-" })
			got, err := Find(files.read)
			if c.message != "" {
				if err == nil || !strings.Contains(err.Error(), c.message) {
					t.Errorf("got %v, want %q", err, c.message)
				}
				if strings.Contains(c.message, "not exist") != errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%v", err)
				}
				return
			}
			want := Agents{Token: token, Port: Port, Limit: Limit}
			if c.token != "" {
				want.Token = c.token
			}
			if c.port != 0 {
				want.Port = c.port
			}
			if c.limit != 0 {
				want.Limit = c.limit
			}
			if err != nil || got.Token != want.Token || got.Port != want.Port || got.Limit != want.Limit {
				t.Errorf("got %v, %d, %v (%v)", got.Token == want.Token, got.Port, got.Limit, err)
			}
		})
	}
}

// On a worker the cluster's CA is beside the node's own.
func TestFindWorker(t *testing.T) {
	f := newFarm(t, drain)
	own, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	port := f.Port
	f.Agents, err = Find(tree{tokenFile: token, caFile: string(own.PEM), remoteCAFile: string(f.authority.PEM)}.read)
	if err != nil {
		t.Fatal(err)
	}
	f.Port = port
	if err := f.Push(patient(t), f.nodes[0], small, nil); err != nil {
		t.Error(err)
	}
}

func FuzzArguments(f *testing.F) {
	f.Add("--bind 0.0.0.0:25000\n--timeout 240\n")
	f.Add("--bind=[::1]:1 # x")
	f.Fuzz(func(t *testing.T, text string) {
		a := Agents{Port: Port, Limit: Limit}
		if err := a.arguments(text); err == nil && (a.Port < 1 || a.Port > 65535 || a.Limit < time.Second) {
			t.Errorf("port %d, limit %v", a.Port, a.Limit)
		}
	})
}
