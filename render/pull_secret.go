package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// The kinds of resources that are objects of the cluster. Their names are NAMESPACE/NAME.
const (
	KindSecret         Kind = "secret"
	KindServiceAccount Kind = "serviceaccount"
)

// InCluster reports whether a resource is an object of the cluster, or made of such.
func (id ID) InCluster() bool {
	return id.Kind == KindSecret || id.Kind == KindServiceAccount || id.Kind == KindAddon
}

// PullSecret is what regsync looks after of a secret of type kubernetes.io/dockerconfigjson. Encoded, it is the content of a
// resource of [KindSecret]. Other labels, annotations and keys of the object are not ours.
type PullSecret struct {
	ManagedBy string `json:"managedBy,omitempty"` // label app.kubernetes.io/managed-by
	Owner     string `json:"owner,omitempty"`     // label regsync.dev/owner
	Config    []byte `json:"config"`              // key .dockerconfigjson
}

// Encode gives the one form of it that is compared.
func (p PullSecret) Encode() []byte {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings only
	}
	return data
}

// DecodePullSecret reads what Encode wrote.
func DecodePullSecret(data []byte) (PullSecret, error) {
	var p PullSecret
	if json.Unmarshal(data, &p) != nil {
		return p, errors.New("the content of a secret cannot be read") // the parser's words might quote it
	}
	return p, nil
}

// Keeper says whose secret this is: [Ours] where it bears our mark and that of the owner, else what its label managed-by says in lower
// case, and "regsync of OWNER" where it is another owner's. It is empty where there is no mark.
func Keeper(data []byte, owner string) string {
	p, err := DecodePullSecret(data)
	switch {
	case err != nil:
		return ""
	case p.ManagedBy == Ours && p.Owner == owner:
		return Ours
	case p.ManagedBy == Ours:
		return Ours + " of " + p.Owner
	}
	return strings.ToLower(p.ManagedBy)
}

// Namespace is one of the cluster's namespaces.
type Namespace struct {
	Name   string
	Labels map[string]string
}

// hubConfig is under what name Docker, and kubelet, keep the credentials of Docker Hub (pkg/credentialprovider/keyring.go of Kubernetes).
const hubConfig = "https://index.docker.io/v1/"

// dockerConfig gives the content of a .dockerconfigjson. The order of its registries is that of their names.
func dockerConfig(logins map[string]Login) []byte {
	type auth struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Auth     string `json:"auth"`
	}
	auths := map[string]auth{}
	for host, l := range logins {
		if slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, host) {
			host = hubConfig
		}
		auths[host] = auth{l.Username, l.Password.Reveal(), strings.TrimPrefix(l.basic(), "Basic ")}
	}
	data, err := json.Marshal(map[string]any{"auths": auths})
	if err != nil {
		panic(err) // strings only
	}
	return data
}

// Selects reports whether an entry of pullSecrets is for a namespace.
func Selects(p *spec.PullSecret, n Namespace) bool {
	if p.NamespaceSelector != nil {
		for key, value := range p.NamespaceSelector.MatchLabels {
			if has, ok := n.Labels[key]; !ok || has != value {
				return false
			}
		}
		return true
	}
	return slices.ContainsFunc(p.Namespaces, func(glob string) bool {
		match, err := path.Match(glob, n.Name)
		return err == nil && match || glob == n.Name
	})
}

// pullSecrets works out the secrets, and then the references of service accounts to them.
func pullSecrets(s *spec.Spec, in Inputs) ([]Resource, []Held) {
	g := granting{spec: s, in: in, wanted: map[ID]spec.Position{}, accounts: map[ID]*Resource{}}
	for i := range s.PullSecrets {
		g.entry(i)
	}
	for _, id := range g.order {
		g.secrets = append(g.secrets, *g.accounts[id])
	}
	return g.secrets, g.held
}

// granting collects the secrets and references of all entries.
type granting struct {
	spec     *spec.Spec
	in       Inputs
	secrets  []Resource
	wanted   map[ID]spec.Position
	accounts map[ID]*Resource
	order    []ID // of accounts
	held     []Held
}

func (g *granting) entry(i int) {
	p := &g.spec.PullSecrets[i]
	body, unknown := g.body(i)
	for _, n := range g.in.Namespaces {
		if !Selects(p, n) {
			continue
		}
		id := ID{Kind: KindSecret, Name: n.Name + "/" + p.Name}
		if first, twice := g.wanted[id]; twice {
			unknown = &spec.Problem{Position: p.Pos, Path: fmt.Sprintf("pullSecrets[%d]", i), Message: "stands at " + first.String() + " already for the namespace " + n.Name}
			g.secrets = slices.DeleteFunc(g.secrets, func(r Resource) bool { return r.ID == id })
		}
		g.wanted[id] = p.Pos
		if unknown != nil {
			g.held = append(g.held, Held{id, unknown})
		} else {
			g.secrets = append(g.secrets, Resource{ID: id, Body: body, Sensitive: true, From: p.Pos, Why: g.why(i)})
		}
		for _, account := range p.ServiceAccounts {
			g.refer(ID{Kind: KindServiceAccount, Name: n.Name + "/" + account}, p)
		}
	}
}

// refer adds the secret to the references of a service account.
func (g *granting) refer(id ID, p *spec.PullSecret) {
	r := g.accounts[id]
	if r == nil {
		r = &Resource{ID: id, Scope: Names, Body: []byte{}, From: p.Pos, Why: "refers to " + p.Name}
		g.accounts[id] = r
		g.order = append(g.order, id)
	} else {
		r.Why += ", " + p.Name
	}
	r.Body = proposeNames(r.Body, NameList([]string{p.Name}))
}

func (g *granting) why(i int) string {
	names := g.spec.PullSecrets[i].Credentials
	if len(names) == 1 {
		return "pull secret with credential " + names[0]
	}
	return "pull secret with credentials " + strings.Join(names, ", ")
}

// body gives what a secret holds, or why that is not known now.
func (g *granting) body(i int) ([]byte, *spec.Problem) {
	logins := map[string]Login{}
	for _, use := range g.spec.SecretUses(i) {
		login, known := g.in.Credentials[use.Path]
		switch {
		case !known:
			return nil, &spec.Problem{Position: use.Position, Path: use.Path, Message: "nothing is known of the credential " + quote(use.Credential)}
		case login.Problem != nil:
			return nil, login.Problem
		}
		logins[use.Servers[0]] = login
	}
	return PullSecret{ManagedBy: Ours, Owner: g.spec.Cluster.Owner, Config: dockerConfig(logins)}.Encode(), nil
}

// Reissued gives the registries whose user name or password differs between two versions of a secret of ours; none where anything else
// does too.
func Reissued(before, after []byte) []string {
	was, err := DecodePullSecret(before)
	is, errIs := DecodePullSecret(after)
	if err != nil || errIs != nil || was.ManagedBy != is.ManagedBy || was.Owner != is.Owner {
		return nil
	}
	type config struct {
		Auths map[string]map[string]string `json:"auths"`
	}
	var old, now config
	if json.Unmarshal(was.Config, &old) != nil || json.Unmarshal(is.Config, &now) != nil || len(old.Auths) != len(now.Auths) {
		return nil
	}
	var hosts []string
	for host, auth := range now.Auths {
		earlier, ok := old.Auths[host]
		if !ok {
			return nil
		}
		if earlier["username"] != auth["username"] || earlier["password"] != auth["password"] {
			if host == hubConfig {
				host = "docker.io"
			}
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}
