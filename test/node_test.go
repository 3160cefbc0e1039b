package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

// commands are what a story can say beside testscript's own words.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":        cmdExits,
	"await":        cmdAwait,
	"tree":         cmdTree,
	"containerd":   cmdContainerd,
	"microk8s":     cmdMicroK8s,
	"snap-next":    cmdSnapNext,
	"restarts":     cmdRestarts,
	"cri":          cmdCRI,
	"await-cri":    cmdAwaitCRI,
	"pull":         cmdPull,
	"archive":      cmdArchive,
	"ctr":          cmdCtr,
	"lose":         cmdLose,
	"hosts-read":   cmdHostsRead,
	"registry":     cmdRegistry,
	"web":          cmdWeb,
	"authority":    cmdAuthority,
	"dockerd":      cmdDockerd,
	"docker-info":  cmdDockerInfo,
	"systemd":      cmdSystemd,
	"debian":       cmdDebian,
	"cluster":      cmdCluster,
	"kube":         cmdKube,
	"distribution": cmdDistribution,
	"shown":        cmdShown,
	"pod":          cmdPod,
	"snapd":        cmdSnapd,
}

// node is what runs in one story.
type node struct {
	dir          string // for state and logs of components; not the story's own directory
	bin          string // first on the story's PATH
	release      rig.Containerd
	containerd   *rig.RunningContainerd // nil: not started
	microk8s     *rig.MicroK8s          // nil: not started
	dockerd      *rig.Dockerd           // nil: not started
	systemd      *rig.Systemd           // nil: not started
	debian       string                 // where a Debian root is mounted; empty: none
	registries   map[string]*rig.Registry
	distribution *rig.Distribution
	webs         map[string]*rig.Web
	authority    *rig.Authority // nil: none made
	cluster      *cluster       // nil: the node is in none
	kube         *rig.Kube      // nil: not started
	kubeNode     *rig.KubeNode  // nil: the cluster has no node
	pod          *rig.Pod       // nil: none was made
	podLog       string         // of its container
	snapd        *rig.Snapd     // nil: not started
}

// setUp prepares a story's environment: a node on which nothing runs yet.
func setUp(env *testscript.Env, dir, release string) error {
	n := &node{dir: dir, bin: filepath.Join(dir, "bin"), registries: map[string]*rig.Registry{}, webs: map[string]*rig.Web{}}
	if err := os.MkdirAll(n.bin, 0o755); err != nil {
		return err
	}
	if release != "" {
		found, err := rig.Release(release)
		if err != nil {
			return err
		}
		n.release = found
	}
	if program := os.Getenv("REGSYNC"); program != "" {
		if err := os.Symlink(program, filepath.Join(n.bin, "regsync")); err != nil {
			return err
		}
	}
	if err := n.standIn("crictl"); err != nil {
		return err
	}
	if program, err := rig.FindKubectl(); err == nil {
		if err := os.Symlink(program, filepath.Join(n.bin, "kubectl")); err != nil {
			return err
		}
	}
	source, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	env.Setenv("PATH", n.bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	for _, tool := range []rig.Tool{rig.Kustomize, rig.Helm} {
		if program, err := tool.Find(); err == nil {
			if err := os.Symlink(program, filepath.Join(n.bin, tool.Name)); err != nil {
				return err
			}
		}
	}
	env.Setenv("CONTAINERD", release)
	env.Setenv("RELEASE", os.Getenv(releaseVariable))
	env.Setenv("SOURCE", source) // the root of the source tree, for its examples
	env.Values[nodeKey{}] = n
	env.Defer(n.stop)
	return nil
}

// nodeKey is where a story keeps its node.
type nodeKey struct{}

func here(ts *testscript.TestScript) *node { return ts.Value(nodeKey{}).(*node) }

// stop ends what the story has started.
func (n *node) stop() {
	if n.pod != nil {
		n.pod.Stop(context.Background())
	}
	if n.snapd != nil {
		n.snapd.Close()
	}
	if n.containerd != nil {
		n.containerd.Stop()
	}
	if n.dockerd != nil {
		n.dockerd.Stop()
	}
	if n.systemd != nil {
		n.systemd.Stop()
	}
	for _, registry := range n.registries {
		registry.Close()
	}
	if n.distribution != nil {
		n.distribution.Stop()
	}
	if n.cluster != nil {
		n.cluster.stop()
	}
	if n.kubeNode != nil {
		n.kubeNode.Stop()
	}
	if n.kube != nil {
		n.kube.Stop()
	}
	for _, web := range n.webs {
		web.Close()
	}
}

// cri is the client of the containerd that runs, the node's own or MicroK8s'.
func (n *node) cri(ts *testscript.TestScript) *rig.CRI {
	switch {
	case n.microk8s != nil:
		return n.microk8s.CRI
	case n.containerd != nil:
		return n.containerd.CRI
	case n.systemd != nil:
		client, err := rig.DialCRI(rig.ContainerdSocket)
		ts.Check(err)
		ts.Defer(func() { client.Close() })
		return client
	}
	ts.Fatalf("no containerd runs")
	return nil
}

// settle judges the outcome of a command that may be negated; the error goes to the story's stderr.
func settle(ts *testscript.TestScript, neg bool, err error) {
	if err != nil {
		fmt.Fprintln(ts.Stderr(), err)
		if !neg {
			ts.Fatalf("%v", err)
		}
		return
	}
	if neg {
		ts.Fatalf("unexpected success")
	}
}
