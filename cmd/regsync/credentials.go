package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/regsync/regsync/internal/credentials"
	"github.com/regsync/regsync/internal/loader"
	"github.com/regsync/regsync/internal/node"
	"github.com/regsync/regsync/plan"
	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// uses lists the places that name a credential which this run needs: where there is a runtime, those of what containerd asks, and where
// this node looks after the cluster's objects, those of pull secrets.
func uses(sp *spec.Spec, place node.Place, r *reach) []spec.CredentialUse {
	var list []spec.CredentialUse
	if place.Runtime != render.NoRuntime {
		list = sp.CredentialUses()
	}
	if r != nil && r.client != nil {
		for i := range sp.PullSecrets {
			list = append(list, sp.SecretUses(i)...)
		}
	}
	return list
}

// logins finds out what the credentials are, by the places that name them. One whose source fails is no error: it holds back what cannot be
// written without it.
func (c *command) logins(ctx context.Context, s *site, sp *spec.Spec, uses []spec.CredentialUse) (map[string]render.Login, []*spec.Problem, error) {
	if len(uses) == 0 {
		return nil, nil, nil
	}
	sources := credentials.Sources{Answers: c.answers, Env: c.env, Read: func(name string) ([]byte, fs.FileMode, error) {
		return readSecret(s.root, name, sp.Beside[name])
	}}
	logins := make(map[string]render.Login, len(uses))
	var warnings []*spec.Problem
	said := map[string]bool{}
	for _, use := range uses {
		credential, i := sp.Credential(use.Credential)
		at := func(key string) string { return fmt.Sprintf("credentials[%d].%s", i, key) }
		login, more, err := sources.Login(ctx, credential, use.Servers)
		for _, w := range more {
			if key := at(w.Key); !said[key] {
				said[key] = true
				warnings = append(warnings, &spec.Problem{Position: credential.Pos, Path: key, Message: w.Message, Hint: w.Hint})
			}
		}
		if err != nil {
			failed := (*credentials.Error)(nil)
			if !errors.As(err, &failed) {
				return nil, nil, err
			}
			login = render.Login{Problem: &spec.Problem{Position: credential.Pos, Path: at(failed.Key), Message: failed.Error(), Hint: failed.Hint}}
		}
		logins[use.Path] = login
	}
	return logins, warnings, nil
}

// readSecret reads a file that the spec names: beside the spec where it is named so, else on the node.
func readSecret(root *node.Root, name string, beside bool) ([]byte, fs.FileMode, error) {
	if beside {
		info, err := os.Stat(name)
		if err != nil {
			return nil, 0, err
		}
		data, err := os.ReadFile(name)
		return data, info.Mode(), err
	}
	live, err := root.Read(name)
	switch {
	case err != nil:
		return nil, 0, err
	case live.Obstacle != "":
		return nil, 0, errors.New("it " + live.Obstacle)
	case live.Data == nil:
		return nil, 0, fs.ErrNotExist
	}
	return live.Data, live.Mode, nil
}

// withoutHeldFiles leaves what is held out of what is ours: nothing of it changes, and nothing of it leaves. With a hosts.toml goes all that
// is ours in the directories of its registry.
func withoutHeldFiles(owned map[render.ID]plan.Owned, held []render.Held) map[render.ID]plan.Owned {
	files, hosts := map[render.ID]bool{}, map[string]bool{}
	registry := func(id render.ID) string { // with certs.d before it
		dir := path.Dir(id.Name)
		return path.Join(path.Dir(dir), loader.Host(path.Base(dir)))
	}
	for _, h := range held {
		files[h.ID] = true
		if h.Kind == render.KindFile && path.Base(h.Name) == render.HostsTOML {
			hosts[registry(h.ID)] = true
		}
	}
	if len(files) == 0 {
		return owned
	}
	ours := map[render.ID]plan.Owned{}
	for id, o := range owned {
		if !files[id] && (id.Kind != render.KindFile || !hosts[registry(id)]) {
			ours[id] = o
		}
	}
	return ours
}

// conflict is what a plan says of something that is held.
func conflict(h render.Held) plan.Conflict {
	c := plan.Conflict{ID: h.ID, Reason: h.Problem.Error(), Hint: h.Problem.Hint}
	if h.Kind == render.KindFile {
		c.Held = true
		c.Reason += "; it stays as it is"
	}
	return c
}
