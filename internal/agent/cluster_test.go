package agent

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/regsync/regsync/test/rig"
)

// From the tree of a node to the archive on the others: a control-plane node that works, one whose agent is down, a worker.
func TestCluster(t *testing.T) {
	if !rig.Isolated(t) {
		return
	}
	ctx := patient(t)
	authority, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	own, err := rig.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	var agents []*rig.Agent
	for address, authority := range map[string]*rig.Authority{"192.168.1.141": authority, "10.0.0.9": own} {
		there, err := rig.StartAgent(net.JoinHostPort(address, strconv.Itoa(Port)), authority, token, drain)
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		agents = append(agents, there)
	}
	api, err := rig.StartNodeList("127.0.0.1:16443", authority, []rig.ClusterNode{
		{Name: "node", Address: "192.168.1.140", Arch: "amd64"},
		{Name: "second", Address: "192.168.1.141", Arch: "amd64"},
		{Name: "down", Address: "192.168.1.142", Arch: "arm64"},
		{Name: "worker", Address: "10.0.0.9", Arch: "arm64"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	root := t.TempDir()
	if err := rig.LayMicroK8s(root, "stock"); err != nil {
		t.Fatal(err)
	}
	if err := rig.LayCluster(root, authority, token, 16443); err != nil {
		t.Fatal(err)
	}

	read := func(path string) ([]byte, error) { return os.ReadFile(filepath.Join(root, path)) }
	var lister Lister
	if lister, err = Kubeconfig(ClientConfig, read); err != nil {
		t.Fatal(err)
	}
	nodes, err := lister.Nodes(ctx)
	if err != nil || len(nodes) != 4 {
		t.Fatalf("nodes %v: %v", nodes, err)
	}
	others, err := Others(nodes, "node", []string{"127.0.0.1", "192.168.1.140"})
	if err != nil || len(others) != 3 {
		t.Fatalf("others %v: %v", others, err)
	}
	found, err := Find(read)
	if err != nil {
		t.Fatal(err)
	}
	results := found.PushAll(ctx, others, 2, small, nil)
	for name, kind := range map[string]error{"second": nil, "down": ErrUnreachable, "worker": ErrUntrusted} {
		if err := results[name]; !errors.Is(err, kind) {
			t.Errorf("%s: %v", name, results[name])
		}
	}
	for _, there := range agents {
		want := []string{"POST " + rig.AgentImport + " 200"}
		if there.Address == "10.0.0.9:25000" {
			want = nil
		}
		if got := there.Requests(); !slices.Equal(got, want) {
			t.Errorf("%s was asked %q, want %q", there.Address, got, want)
		}
	}
}
