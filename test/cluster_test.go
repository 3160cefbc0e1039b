package test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// cluster is what stands around the node in a story about several: another node with a containerd of its own and a stand-in for
// MicroK8s' cluster agent, and a stand-in for the one list that is asked of the API server.
type cluster struct {
	neighbour *rig.RunningContainerd
	agent     *rig.Agent
	nodes     *http.Server
}

func (c *cluster) stop() {
	c.agent.Close()
	c.nodes.Close()
	c.neighbour.Stop()
}

const (
	clusterToken   = "a-callback-token"
	clusterAPIPort = 16443
)

// cluster start: the node, which MicroK8s runs, has been joined by a second one, at 192.168.1.141.
// cluster answer STATUS: the second node's agent refuses the next archive so.
// cluster has NAME…: the second node's CRI has these images; negated: none of them.
func cmdCluster(ts *testscript.TestScript, neg bool, args []string) {
	n := here(ts)
	switch args[0] {
	case "start":
		c, err := startCluster(n)
		ts.Check(err)
		n.cluster = c
	case "answer":
		status, err := strconv.Atoi(args[1])
		ts.Check(err)
		n.cluster.agent.Next(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintln(w, `{"error":"not today"}`)
		})
	case "has":
		for _, name := range args[1:] {
			image, err := n.cluster.neighbour.CRI.Status(context.Background(), name)
			ts.Check(err)
			if (image != nil) == neg {
				ts.Fatalf("the second node has %s: %v", name, image != nil)
			}
		}
	default:
		ts.Fatalf("usage: cluster start|answer|has")
	}
}

func startCluster(n *node) (*cluster, error) {
	authority, err := rig.NewAuthority()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(n.dir, "second")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	neighbour, socket, err := rig.StartNeighbour(context.Background(), n.release, dir)
	if err != nil {
		return nil, err
	}
	agent, err := rig.StartAgent("192.168.1.141:25000", authority, clusterToken, rig.Ctr(socket))
	if err != nil {
		neighbour.Stop()
		return nil, err
	}
	name, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	nodes, err := rig.StartNodeList("127.0.0.1:"+strconv.Itoa(clusterAPIPort), authority, []rig.ClusterNode{
		{Name: name, Address: "192.168.1.140", Arch: "amd64"},
		{Name: "second", Address: "192.168.1.141", Arch: "amd64"},
	})
	if err != nil {
		agent.Close()
		neighbour.Stop()
		return nil, err
	}
	return &cluster{neighbour, agent, nodes}, rig.LayCluster("/", authority, clusterToken, clusterAPIPort)
}
