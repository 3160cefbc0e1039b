package render

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/regsync/regsync/spec"
)

// snapData is where ${SNAP_DATA} leads in MicroK8s' template, by a name that a refresh of the snap does not change.
const snapData = "/var/snap/microk8s/current"

// snapRevision reports whether p is a path in the tree of one revision of the snap: the next refresh copies the tree and leaves it.
func snapRevision(p string) bool {
	revision, _, ok := strings.Cut(strings.TrimPrefix(p, "/var/snap/microk8s/"), "/")
	revision = strings.TrimPrefix(revision, "x")
	return ok && strings.HasPrefix(p, "/var/snap/microk8s/") && revision != "" && strings.Trim(revision, "0123456789") == ""
}

// UsesCertsD reports whether the node's containerd reads certs.d once config_path is set: 1.5 and later do. One that cannot be
// asked is taken to be new enough, unless its config is in version-1 syntax and does not have config_path.
func UsesCertsD(in Inputs) bool {
	if in.Containerd.Known() {
		return !in.Containerd.Before(1, 5)
	}
	r, err := Effective(in.Layout.ConfigFile, in.Config, in.Imports, in.Containerd)
	return err != nil || r.Syntax >= 2 || r.Path != ""
}

// configResource gives containerd's config as the roads need it. There is none where certs.d is read already, or where there are
// no roads. The problems are warnings; the error is a *spec.Problem.
func configResource(_ *spec.Spec, in Inputs, roads []Road) (Resource, []*spec.Problem, bool, error) {
	if len(roads) == 0 || in.Layout.Runtime == NoRuntime {
		return Resource{}, nil, false, nil
	}
	file := in.Layout.ConfigFile
	if in.Config == nil && in.Layout.Runtime == MicroK8s {
		return Resource{}, nil, false, &spec.Problem{
			Position: spec.Position{File: file}, Message: "MicroK8s' template for containerd's config is not there",
			Hint: "copy it from /snap/microk8s/current/default-args/containerd-template.toml",
		}
	}
	own, err := ParseConfig(in.Config)
	if err != nil {
		return Resource{}, nil, false, configProblem(file, err)
	}
	config, err := Effective(file, in.Config, in.Imports, in.Containerd)
	if err != nil {
		return Resource{}, nil, false, err
	}
	r := Resource{
		ID: ID{Kind: KindFile, Name: file}, Scope: TOMLKeys, Mode: 0o644, Effect: RestartContainerd, From: roads[0].From,
	}
	if !UsesCertsD(in) {
		problem := inlineProblem(roads)
		if problem != nil {
			return Resource{}, nil, false, problem
		}
		r.Body, r.Why = inlineBody(roads), "containerd does not read certs.d before 1.5: mirrors stand in its config"
		if len(in.Imports) > 0 {
			next, err := r.Propose(in.Config)
			if err == nil {
				err = importProblem(in, next)
			}
			if err != nil {
				return Resource{}, nil, false, configProblem(file, err)
			}
		}
		return r, inlineWarnings(roads), true, nil
	}
	if own.Syntax == 1 && in.Containerd.Known() && !in.Containerd.Before(2, 0) {
		return Resource{}, nil, false, &spec.Problem{
			Position: spec.Position{File: file, Line: 1, Col: 1},
			Message:  "config in version-1 syntax, of which containerd 2 does not read the registry table",
			Hint:     "bring it to version 2 or 3: containerd config migrate",
		}
	}
	if config.namesCertsDir(in) {
		return Resource{}, importWarnings(in, in.Config), false, nil
	}
	r.Body = []byte("config_path = " + tomlString(in.Layout.ConfigPath) + "\n")
	r.Why = config.why(in)
	next, err := r.Propose(in.Config)
	if err == nil {
		err = importProblem(in, next)
	}
	if err != nil {
		return Resource{}, nil, false, configProblem(file, err)
	}
	return r, append(config.warnings(in), importWarnings(in, next)...), true, nil
}

// namesCertsDir reports whether this node's containerd reads Layout.CertsDir as the config stands.
func (r RegistryConfig) namesCertsDir(in Inputs) bool {
	if r.State != ConfigOnePath || r.Syntax == 2 && r.Plugin == pluginV3 && !(in.Containerd.Known() && !in.Containerd.Before(2, 0)) {
		return false
	}
	return path.Clean(expandSnap(r.Path, in)) == path.Clean(in.Layout.CertsDir)
}

// expandSnap puts in what MicroK8s puts in for ${SNAP_DATA}.
func expandSnap(p string, in Inputs) string {
	if in.Layout.Runtime == MicroK8s {
		p = strings.ReplaceAll(p, "${SNAP_DATA}", snapData)
	}
	return p
}

// why says what the config lacks.
func (r RegistryConfig) why(in Inputs) string {
	switch r.State {
	case ConfigLegacy:
		return "inline mirrors keep containerd from reading certs.d"
	case ConfigBoth:
		return "config_path and inline mirrors exclude each other: the CRI plugin does not load"
	case ConfigColonList:
		return "config_path is a list, in which containerd 2.1 and later find nothing"
	case ConfigOnePath:
		if r.Syntax == 2 && r.Plugin == pluginV3 {
			return "in a version-2 config, containerd 1.x does not read plugins." + tomlKey(pluginV3)
		}
		if snapRevision(r.Path) {
			return "config_path is in one revision of the snap, and lost at its next refresh"
		}
		return fmt.Sprintf("config_path is %q", r.Path)
	}
	if in.Config == nil {
		return "without a config containerd 1.x reads no certs.d, and 2.1 and later none either"
	}
	return "without config_path containerd reads no certs.d"
}

// warnings says what the change costs, but for inline mirrors and TLS: those the roads take along, or say that they do not.
func (r RegistryConfig) warnings(in Inputs) []*spec.Problem {
	var out []*spec.Problem
	warn := func(hint, format string, args ...any) {
		out = append(out, &spec.Problem{Position: spec.Position{File: in.Layout.ConfigFile}, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	others := slices.DeleteFunc(strings.Split(r.Path, ":"), func(p string) bool {
		return p == "" || path.Clean(expandSnap(p, in)) == path.Clean(in.Layout.CertsDir) || snapRevision(p)
	})
	if len(others) > 0 {
		warn("move what is in there to "+in.Layout.CertsDir, "config_path no longer names %s: what stands there is not read any more", strings.Join(others, ", "))
	}
	if len(r.Auth) > 0 && in.Containerd.Known() && !in.Containerd.Before(2, 1) {
		warn("", "inline auth of %s stays; for its sake containerd 2.1 and later pull in local mode", strings.Join(r.Auth, ", "))
	}
	if r.byteOrderMark {
		warn("save it without", "begins with a byte order mark: containerd 2.x does not start with it")
	}
	return out
}

// configProblem turns a *ConfigError into a *spec.Problem of the file, and leaves one that is a *spec.Problem already.
func configProblem(file string, err error) *spec.Problem {
	var p *spec.Problem
	if errors.As(err, &p) {
		return p
	}
	var e *ConfigError
	if !errors.As(err, &e) {
		return &spec.Problem{Position: spec.Position{File: file}, Message: err.Error()}
	}
	return &spec.Problem{Position: spec.Position{File: file, Line: e.Line, Col: e.Col}, Message: e.Message, Hint: e.Hint}
}
