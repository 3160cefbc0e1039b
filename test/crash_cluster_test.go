package test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/regsync/regsync/test/rig"
)

const (
	// clusterBefore has a pull secret in one namespace, where one of that name stood before regsync, and a second one there.
	clusterBefore = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
mirrors:
  - {registry: docker.io, endpoints: ["http://192.168.1.140:5280"]}
insecure: ["192.168.1.140:5280"]
credentials:
  - {name: harbor, registries: [harbor.lab], username: edge, password: {file: password}}
pullSecrets:
  - {name: harbor, credentials: [harbor], namespaces: [team-a], serviceAccounts: [default]}
  - {name: old, credentials: [harbor], namespaces: [team-a], serviceAccounts: [builder]}
`
	// clusterSecond gives the first one another credential and brings it to a second namespace; the second one goes.
	clusterSecond = `apiVersion: regsync/v1alpha1
kind: NodeRegistries
mirrors:
  - {registry: docker.io, endpoints: ["http://192.168.1.140:5281"]}
insecure: ["192.168.1.140:5281"]
credentials:
  - {name: harbor, registries: [harbor.lab], username: other, password: {file: password}}
pullSecrets:
  - {name: harbor, credentials: [harbor], namespaces: [team-a, team-b], serviceAccounts: [default, builder]}
`
)

// ofCluster are the objects that regsync may change, as the rig writes them.
var ofCluster = []string{
	"secret team-a/harbor", "secret team-a/old", "secret team-b/harbor", "lease kube-system/regsync-regsync",
	"sa team-a/default", "sa team-a/builder", "sa team-b/default", "sa team-b/builder",
}

// startCluster gives the node an API server, with two namespaces in which others have something.
func (b *battered) startCluster() {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	b.kube, err = rig.StartKube(ctx, b.TempDir(), kubeAddress)
	b.must(err)
	b.Cleanup(b.kube.Stop)
	for _, namespace := range []string{"team-a", "team-b"} {
		b.create(ctx, "ns", "", namespace, nil)
		b.must(b.kube.Await(ctx, "sa", namespace+"/default", "", "")) // the controllers make it
		b.create(ctx, "sa", namespace, "builder", map[string]any{"imagePullSecrets": []any{map[string]any{"name": "theirs"}}})
	}
	b.create(ctx, "secret", "team-a", "harbor", map[string]any{
		"type": "kubernetes.io/dockerconfigjson", "stringData": map[string]any{".dockerconfigjson": `{"auths":{}}`},
	})
	config, err := b.kube.Kubeconfig(ctx, "admin")
	b.must(err)
	name := filepath.Join(b.dir, "admin.conf")
	b.must(os.WriteFile(name, config, 0o600))
	b.env = append(b.env, "KUBECONFIG="+name)
	b.originalObjects = b.seeObjects()
}

func (b *battered) create(ctx context.Context, kind, namespace, name string, object map[string]any) {
	b.Helper()
	path, err := b.kube.Path(ctx, kind, strings.TrimPrefix(namespace+"/", "/"))
	b.must(err)
	if object == nil {
		object = map[string]any{}
	}
	object["metadata"] = map[string]any{"name": name}
	_, err = b.kube.Do(ctx, http.MethodPost, path, object)
	b.must(err)
}

// seeObjects takes a picture of what regsync may change in the cluster, without what the API server keeps of each write. Of the Lease it is only
// whether there is one: its times are the clock's.
func (b *battered) seeObjects() picture {
	b.Helper()
	p := picture{}
	if b.kube == nil {
		return p
	}
	for _, name := range ofCluster {
		kind, object, _ := strings.Cut(name, " ")
		path, err := b.kube.Path(context.Background(), kind, object)
		b.must(err)
		text, err := b.kube.Do(context.Background(), http.MethodGet, path, nil)
		if status := (*rig.StatusError)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
			continue
		}
		b.must(err)
		p[name] = "there"
		if kind == "lease" {
			continue
		}
		var whole map[string]any
		b.must(json.Unmarshal(text, &whole))
		meta := whole["metadata"].(map[string]any)
		for _, kept := range []string{"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"} {
			delete(meta, kept)
		}
		text, err = json.Marshal(whole)
		b.must(err)
		p[name] = string(text)
	}
	return p
}

// objectsAgree makes sure that after a recovery each object is as before or as it is to be, and that the plan has those which are not yet as they
// are to be, and no other but to say that it is right: what regsync remembers agrees with the cluster.
func (b *battered) objectsAgree(where string, c crash, r rehearsal) {
	b.Helper()
	if b.kube == nil {
		return
	}
	seen := b.seeObjects()
	for _, name := range ofCluster {
		if seen[name] != r.objects[name] && seen[name] != r.oldObjects[name] && !strings.HasPrefix(name, "lease") {
			b.Errorf("%s: %s is %s, neither %s nor %s", where, name, seen[name], r.oldObjects[name], r.objects[name])
		}
	}
	due, right := []string{}, []string{}
	for _, change := range b.changes("plan", "-f", c.spec, "-o", "json") {
		kind, found := map[string]string{"secret": "secret", "serviceaccount": "sa"}[change.Kind]
		switch {
		case found && slices.Contains([]string{"adopt", "forget"}, change.Action):
			right = append(right, kind+" "+change.Name)
		case found:
			due = append(due, kind+" "+change.Name)
		}
	}
	for _, name := range ofCluster {
		late := seen[name] != r.objects[name] && !strings.HasPrefix(name, "lease")
		if late != slices.Contains(due, name) {
			b.Errorf("%s: %s is late: %t, but the plan would change %q and know of %q", where, name, late, due, right)
		}
	}
}
