package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/regsync/regsync/test/rig"
)

const podUsage = `usage:
	pod image NAME FILE
	pod new NAMESPACE/DAEMONSET
	pod run CODE ARGS…
	pod start | log | status | project | stop
	pod probe liveness|readiness
	pod patch KIND NAME JSON`

// pod image makes the image of the program under test, as make image does, writes it to FILE, and gives the node that one and the one that
// holds namespaces.
//
// pod new makes a pod as a DaemonSet says, and puts it on this node, whose own containerd runs it. run runs its container with
// other arguments, prints what it says, and expects its exit code; start runs what comes first and then starts it, log prints what it has said since, and
// status what the kernel says of its process. project brings its
// ConfigMap and its Secret up to what the cluster has now. probe asks as kubelet does, patch changes an object as the pod's service account. stop
// ends the pod.
func cmdPod(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || neg && args[0] != "probe" && args[0] != "patch" {
		ts.Fatalf(podUsage)
	}
	n := here(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	switch {
	case args[0] == "image" && len(args) == 3:
		ts.Check(n.podImage(ctx, args[1], ts.MkAbs(args[2])))
	case args[0] == "new" && len(args) == 2:
		dir, err := os.MkdirTemp(n.dir, "pod-*")
		ts.Check(err)
		n.pod, err = rig.NewPod(ctx, n.kube, n.cri(ts), args[1], dir)
		ts.Check(err)
	case args[0] == "run" && len(args) > 2:
		want, err := strconv.Atoi(args[1])
		ts.Check(err)
		said, code, err := n.pod.Run(ctx, args[2:])
		ts.Check(err)
		fmt.Fprint(ts.Stdout(), said)
		if code != want {
			ts.Fatalf("the pod's exit code is %d, expected %d:\n%s", code, want, said)
		}
	case args[0] == "start":
		var err error
		n.podLog, err = n.pod.Start(ctx)
		ts.Check(err)
	case args[0] == "log":
		fmt.Fprint(ts.Stdout(), ts.ReadFile(n.podLog))
	case args[0] == "status":
		text, err := n.pod.Status(ctx)
		ts.Check(err)
		fmt.Fprint(ts.Stdout(), string(text))
	case args[0] == "project":
		ts.Check(n.pod.Project(ctx))
	case args[0] == "probe" && len(args) == 2:
		said, err := n.pod.Probe(ctx, args[1])
		fmt.Fprint(ts.Stdout(), said)
		settle(ts, neg, err)
	case args[0] == "patch" && len(args) == 4:
		client, err := n.pod.Client()
		ts.Check(err)
		path, err := n.kube.Path(ctx, args[1], args[2])
		ts.Check(err)
		_, err = client.Do(ctx, http.MethodPatch, path, json.RawMessage(args[3]))
		settle(ts, neg, err)
	case args[0] == "stop":
		ts.Check(n.pod.Stop(ctx))
		n.pod = nil
	default:
		ts.Fatalf(podUsage)
	}
}

func (n *node) podImage(ctx context.Context, name, file string) error {
	made, err := rig.MakeImage(ctx, os.Getenv("REGSYNC"), name, n.dir)
	if err != nil {
		return err
	}
	pause, err := rig.MakePause(ctx, n.dir)
	if err != nil {
		return err
	}
	socket := rig.ContainerdSocket
	if n.microk8s != nil {
		socket = rig.MicroK8sSocket
	}
	for _, archive := range []string{made, pause} {
		if _, err := ctr(socket, "images", "import", archive); err != nil {
			return err
		}
	}
	return errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.Rename(made, file))
}
