package test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/yaml"

	"github.com/regsync/regsync/test/rig"
)

const kubeUsage = `usage:
	kube up [ADDRESS] | down | kill | start
	kube node [no-storage] [no-images] [pulls]
	kube microk8s | kube push REPOSITORY:TAG
	kube kubeconfig USER FILE
	kube create ns NAME [LABEL=VALUE…] | kube create KIND [NAMESPACE/]NAME
	kube apply FILE [FIELD-MANAGER]
	kube patch KIND [NAMESPACE/]NAME JSON
	kube delete KIND [NAMESPACE/]NAME | kube delete KIND NAMESPACE/
	kube get KIND [NAMESPACE/]NAME [POINTER]
	kube list KIND [LABEL=VALUE,…]
	kube await KIND [NAMESPACE/]NAME [POINTER VALUE]
	kube gone KIND [NAMESPACE/]NAME
	kube login NAMESPACE/NAME HOST
	kube grant|revoke USER VERB,… RESOURCE[.GROUP],… [NAMESPACE]`

// kubeAddress is where MicroK8s' API server listens too.
const kubeAddress = "127.0.0.1:16443"

// kube up starts etcd, kube-apiserver and controllers, at 127.0.0.1:16443 unless ADDRESS says otherwise; down ends them and all that they
// knew. kill ends the API server alone, start starts it again on what etcd has.
//
// node gives the cluster its one node, a stand-in, without which no pod runs; with no-storage it provides no volumes, with no-images it can pull
// none, until node says otherwise; with pulls it has the node's containerd pull the images of pods, as kubelet would. microk8s makes the API server that of MicroK8s' tree, and puts a stand-in for its command on the PATH. push
// puts a random image into the built-in registry.
//
// kubeconfig writes one for admin, for a user by certificate, or for a service account (system:serviceaccount:NAMESPACE:NAME) by token; the
// directory is made. grant gives a user verbs, everywhere or in one namespace; users have none by themselves.
//
// KIND is any name that the API server has for it (secret, secrets, sa, Deployment). get prints an object without what the server keeps of
// it, or one field: POINTER is a JSON pointer (/metadata/labels/app.kubernetes.io~1managed-by). await waits until an object is there and the
// field has this value; gone until the object is not there. delete takes all of a kind in NAMESPACE/
// (no garbage collector follows it: what is made for an object stays when that goes). login prints user:password that a pull secret has for a registry.
func cmdKube(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf(kubeUsage)
	}
	n := here(ts)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if args[0] == "up" {
		settle(ts, neg, n.startKube(ctx, args[1:]))
		return
	}
	if n.kube == nil {
		ts.Fatalf("no control plane: kube up")
	}
	switch args[0] {
	case "node":
		if n.kubeNode == nil {
			n.kubeNode = rig.StartKubeNode(n.kube.KubeClient)
		}
		n.kubeNode.Suffer(slices.Contains(args, "no-storage"), slices.Contains(args, "no-images"))
		if slices.Contains(args, "pulls") {
			n.kubeNode.PullWith(n.cri(ts))
		}
		return
	case "push":
		digest, err := n.kubeNode.Push(args[1])
		fmt.Fprintln(ts.Stdout(), digest)
		settle(ts, neg, err)
		return
	case "microk8s":
		settle(ts, neg, errors.Join(kubeKubeconfig(ctx, ts, n.kube, []string{"admin", rig.SnapData + "/credentials/client.config"}), n.putMicroK8s()))
		return
	}
	word := kubeWords[args[0]]
	if word.run == nil || len(args)-1 < word.least {
		ts.Fatalf(kubeUsage)
	}
	settle(ts, neg, word.run(ctx, ts, n.kube, args[1:]))
	if args[0] == "down" {
		n.kube = nil
	}
}

// kubeWords are the words of kube that need a control plane, and how many arguments each wants at least.
var kubeWords = map[string]struct {
	least int
	run   func(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error
}{
	"down": {0, func(_ context.Context, _ *testscript.TestScript, k *rig.Kube, _ []string) error { k.Stop(); return nil }},
	"kill": {0, func(_ context.Context, _ *testscript.TestScript, k *rig.Kube, _ []string) error { k.Kill(); return nil }},
	"start": {0, func(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, _ []string) error {
		return k.StartAPIServer(ctx)
	}},

	"kubeconfig": {2, kubeKubeconfig},
	"create":     {2, kubeCreate},
	"apply":      {1, kubeApply},
	"patch":      {3, kubePatch},
	"delete":     {2, kubeDelete},
	"get":        {2, kubeGet},
	"list":       {1, kubeList},
	"await":      {2, kubeAwait},
	"gone":       {2, kubeGone},
	"login":      {2, kubeLogin},
	"grant":      {3, kubeGrant},
	"revoke":     {3, kubeRevoke},
}

func (n *node) startKube(ctx context.Context, args []string) error {
	address := kubeAddress
	if len(args) > 0 {
		address = args[0]
	}
	dir, err := os.MkdirTemp(n.dir, "kube-*")
	if err != nil {
		return err
	}
	n.kube, err = rig.StartKube(ctx, dir, address)
	return err
}

// putMicroK8s puts the stand-in for the command microk8s on the story's PATH: this binary, see TestMain.
func (n *node) putMicroK8s() error {
	if err := os.MkdirAll("/run/rig-snap", 0o755); err != nil {
		return err
	}
	return n.standIn("microk8s")
}

// standIn puts this binary on the story's PATH under the name of a command that it stands in for.
func (n *node) standIn(command string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Symlink(self, filepath.Join(n.bin, command))
}

func kubeKubeconfig(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error {
	config, err := k.Kubeconfig(ctx, args[0])
	if err != nil {
		return err
	}
	name := ts.MkAbs(args[1])
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, config, 0o600)
}

func kubeCreate(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	namespace, name, ok := strings.Cut(args[1], "/")
	if !ok {
		namespace, name = "", args[1]
	}
	labels := map[string]string{}
	for _, label := range args[2:] {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	path, err := k.Path(ctx, args[0], strings.TrimPrefix(namespace+"/", "/"))
	if err != nil {
		return err
	}
	if _, err := k.Do(ctx, http.MethodPost, path, map[string]any{"metadata": map[string]any{"name": name, "labels": labels}}); err != nil {
		return err
	}
	if strings.HasSuffix(path, "/namespaces") {
		return k.Await(ctx, "serviceaccount", name+"/default", "", "") // the controllers make it
	}
	return nil
}

func kubeApply(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error {
	manager := "rig"
	if len(args) > 1 {
		manager = args[1]
	}
	return k.Apply(ctx, manager, []byte(ts.ReadFile(args[0])))
}

func kubePatch(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	path, err := k.Path(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	_, err = k.Do(ctx, http.MethodPatch, path, json.RawMessage(args[2]))
	return err
}

func kubeDelete(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	path, err := k.Path(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	if !strings.HasSuffix(args[1], "/") {
		_, err = k.Do(ctx, http.MethodDelete, path, nil)
		return err
	}
	// A controller that has not heard of it yet may make one anew: they are all gone when none is there for a quarter of a second.
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for none := 0; none < 5; none++ {
		answer, err := k.Do(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal(answer, &list); err != nil {
			return err
		}
		if len(list.Items) > 0 {
			none = -1
			if _, err := k.Do(ctx, http.MethodDelete, path, nil); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
	return nil
}

func kubeGet(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error {
	text, err := k.Get(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	if len(args) > 2 {
		value, err := rig.Field(text, args[2])
		fmt.Fprintln(ts.Stdout(), value)
		return err
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	if meta, ok := object["metadata"].(map[string]any); ok {
		for _, kept := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"} {
			delete(meta, kept)
		}
	}
	text, err = yaml.Marshal(object)
	fmt.Fprint(ts.Stdout(), string(text))
	return err
}

func kubeList(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error {
	names, err := k.List(ctx, args[0], strings.Join(args[1:], ","))
	fmt.Fprintln(ts.Stdout(), strings.Join(names, "\n"))
	return err
}

func kubeAwait(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	if len(args) == 4 {
		return k.Await(ctx, args[0], args[1], args[2], args[3])
	}
	return k.Await(ctx, args[0], args[1], "", "")
}

func kubeGone(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	return k.AwaitGone(ctx, args[0], args[1])
}

func kubeLogin(ctx context.Context, ts *testscript.TestScript, k *rig.Kube, args []string) error {
	login, err := loginOf(ctx, k, args[0], args[1])
	fmt.Fprintln(ts.Stdout(), login)
	return err
}

// loginOf gives user:password that a pull secret has for a registry.
func loginOf(ctx context.Context, k *rig.Kube, name, registry string) (string, error) {
	text, err := k.Get(ctx, "secret", name)
	if err != nil {
		return "", err
	}
	var secret struct{ Data map[string][]byte }
	if err := json.Unmarshal(text, &secret); err != nil {
		return "", err
	}
	var config struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(secret.Data[".dockerconfigjson"], &config); err != nil {
		return "", err
	}
	host, ok := config.Auths[registry]
	if !ok {
		return "", errors.New("secret " + name + " has nothing for " + strconv.Quote(registry))
	}
	login, err := base64.StdEncoding.DecodeString(host.Auth)
	return string(login), err
}

func kubeGrant(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	namespace := ""
	if len(args) > 3 {
		namespace = args[3]
	}
	return k.Grant(ctx, args[0], args[1], args[2], namespace)
}

func kubeRevoke(ctx context.Context, _ *testscript.TestScript, k *rig.Kube, args []string) error {
	namespace := ""
	if len(args) > 3 {
		namespace = args[3]
	}
	return k.Revoke(ctx, args[0], args[1], args[2], namespace)
}
