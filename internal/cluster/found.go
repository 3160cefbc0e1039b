package cluster

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/regsync/regsync/render"
)

// PullSecrets lists the pull secrets of all namespaces and the service accounts that refer to them, by name and namespace. owner says which are
// ours. No password leaves it: of each there is what digest makes of it.
func (k *Client) PullSecrets(ctx context.Context, owner string, digest func(password string) string) ([]render.FoundSecret, error) {
	accounts, err := k.referring(ctx)
	if err != nil {
		return nil, err
	}
	var all []render.FoundSecret
	err = k.list(ctx, secrets, "type="+dockerConfigType, func(o object) {
		if o.text("metadata", "deletionTimestamp") != "" {
			return
		}
		f := o.found(owner, digest)
		f.Accounts = accounts[f.Namespace+"/"+f.Name]
		all = append(all, f)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b render.FoundSecret) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	return all, nil
}

// referring gives the names of the service accounts that refer to a secret, by NAMESPACE/NAME of the secret.
func (k *Client) referring(ctx context.Context) (map[string][]string, error) {
	all := map[string][]string{}
	err := k.list(ctx, serviceAccounts, "", func(o object) {
		for _, secret := range o.references() {
			id, account := o.text("metadata", "namespace")+"/"+secret, o.text("metadata", "name")
			if !slices.Contains(all[id], account) {
				all[id] = append(all[id], account)
			}
		}
	})
	for _, accounts := range all {
		slices.Sort(accounts)
	}
	return all, err
}

// found gives a secret without what is secret of it.
func (o object) found(owner string, digest func(string) string) render.FoundSecret {
	f := render.FoundSecret{Namespace: o.text("metadata", "namespace"), Name: o.text("metadata", "name")}
	live, err := o.secret()
	if err != nil {
		f.Obstacle = err.Error()
		return f
	}
	f.Keeper, f.Obstacle = render.Keeper(live.Data, owner), live.Obstacle
	config, err := render.DecodePullSecret(live.Data)
	if err == nil {
		f.Logins, err = logins(config.Config, digest)
	}
	switch by := o.controller(); {
	case f.Obstacle != "":
	case by != "":
		f.Obstacle = "is made by " + by + ", which would write it again"
	case err != nil:
		f.Obstacle = err.Error()
	}
	return f
}

// controller names the object that an object is made for by a controller; empty: there is none.
func (o object) controller() string {
	metadata, _ := o["metadata"].(map[string]any)
	owners, _ := metadata["ownerReferences"].([]any)
	for _, entry := range owners {
		by, _ := entry.(map[string]any)
		if is, _ := by["controller"].(bool); is {
			return fmt.Sprintf("%v %v", by["kind"], by["name"])
		}
	}
	return ""
}

// logins reads the content of a .dockerconfigjson as kubelet does (DockerConfigEntry and BasicDockerKeyring.Add of pkg/credentialprovider of
// Kubernetes). The error says what of it a pull secret of ours cannot be, in words that follow those of the secret.
func logins(config []byte, digest func(string) string) ([]render.FoundLogin, error) {
	var c struct {
		Auths map[string]struct {
			Username      string `json:"username"`
			Password      string `json:"password"`
			Auth          string `json:"auth"`
			IdentityToken string `json:"identitytoken"`
			RegistryToken string `json:"registrytoken"`
		} `json:"auths"`
	}
	if json.Unmarshal(config, &c) != nil {
		return nil, errors.New("holds no Docker config that can be read") // the parser's words might quote it
	}
	var all []render.FoundLogin
	for key, a := range c.Auths {
		host, ok := registryOf(key)
		user, password, read := a.Username, a.Password, true
		if a.Auth != "" {
			user, password, read = decoded(a.Auth)
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("is for %q, which is no registry by itself", key)
		case a.IdentityToken != "" || a.RegistryToken != "":
			return nil, fmt.Errorf("holds a token for %s, and no password", host)
		case !read || user == "" || password == "" || strings.Contains(user, ":") || !utf8.ValidString(user):
			return nil, fmt.Errorf("holds no user name with a password for %s", host)
		}
		login := render.FoundLogin{Registry: host, Username: user, Digest: digest(password)}
		i := slices.IndexFunc(all, func(o render.FoundLogin) bool { return o.Registry == host })
		switch {
		case i < 0:
			all = append(all, login)
		case all[i] != login:
			return nil, fmt.Errorf("holds two logins for %s", host)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("holds no login")
	}
	slices.SortFunc(all, func(a, b render.FoundLogin) int { return cmp.Compare(a.Registry, b.Registry) })
	return all, nil
}

// decoded reads an auth: user:password in base64, perhaps without its padding.
func decoded(auth string) (user, password string, ok bool) {
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(auth, "="))
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

// registryOf gives the registry that a key of auths is for, as it is called in image references. A key may have a scheme, and the path of an
// API. ok is false for one that is for a part of a registry, or for several, or is none.
func registryOf(key string) (host string, ok bool) {
	host = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, path, _ := strings.Cut(host, "/")
	if host == "index.docker.io" {
		host = "docker.io"
	}
	api := slices.Contains([]string{"", "v1", "v2"}, strings.TrimSuffix(path, "/"))
	return host, api && host != "" && !strings.ContainsAny(host, "*?[@ ")
}
