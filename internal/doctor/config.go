package doctor

import (
	"errors"
	"strings"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// config are the traps of containerd's config, or of MicroK8s' template of it.
var config = []Rule{{
	ID: "config-typographic-quotes", Severity: Error, Family: Config,
	Title:  "typographic quotes in containerd's config",
	Cause:  "A page or a word processor has put “ ” in place of \". containerd does not start with such a file; a running one goes on until its next start.",
	Remedy: `write " in place of each typographic quote`,
	check: func(f *Facts) []Finding {
		if line := quoted(f.Config.Data); f.Config.Broken != nil && line > 0 {
			return one(found(f.Config.Path, line, "typographic quotes: containerd does not start with this file"))
		}
		return nil
	},
}, {
	ID: "config-unreadable", Severity: Error, Family: Config,
	Title:  "a config that containerd cannot read",
	Cause:  "The file is no TOML, names a table twice, holds something else where a table belongs, or imports a file that is not there. containerd does not start with it.",
	Remedy: "mend the line; containerd -c FILE config dump says what it makes of the file",
	check: func(f *Facts) []Finding {
		if f.Config.Broken == nil || quoted(f.Config.Data) > 0 {
			return nil
		}
		at, why := spec.Position{File: f.Config.Path}, f.Config.Broken.Error()
		if p := (*spec.Problem)(nil); errors.As(f.Config.Broken, &p) {
			at, why = p.Position, p.Message
		}
		return one(found(at.File, at.Line, "containerd does not start with this file: %s", why))
	},
}, {
	ID: "config-encoding", Severity: Error, Family: Config,
	Title:  "a byte order mark before containerd's config",
	Cause:  "containerd 1.x reads past a byte order mark; 2.x does not start with such a file.",
	Remedy: "save the file without a byte order mark",
	check: func(f *Facts) []Finding {
		if !strings.HasPrefix(string(f.Config.Data), "\ufeff") {
			return nil
		}
		finding := found(f.Config.Path, 1, "a byte order mark stands at the beginning: containerd 2.x does not start with this file")
		if !f.from(2, 0) {
			finding.Severity = Warning
		}
		return one(finding)
	},
}, {
	ID: "config-version-missing", Severity: Error, Family: Config,
	Title:  "tables of version 2 in a config without a version",
	Cause:  "A config without `version = 2` is one of version 1, in which the plugin is called `cri`. A table of its longer name is read past, config_path and mirrors and all.",
	Remedy: "write version = 2 as the first line",
	check: func(f *Facts) []Finding {
		if f.Config.Parsed.Syntax != 1 || f.Config.Broken != nil {
			return nil
		}
		for _, name := range []string{"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"} {
			if line := readTOML(f.Config.Data).below("plugins", name); line > 0 {
				return one(found(f.Config.Path, line, "plugins.%q means nothing in a config without a version", name))
			}
		}
		return nil
	},
}, {
	ID: "config-plugin-name", Severity: Error, Family: Config,
	Title:  "the plugin's new name in a config for containerd 1.x",
	Cause:  "`plugins.\"io.containerd.cri.v1.images\"` is the name that 2.x has for it. containerd 1.x does not know it and reads past the table, config_path and all.",
	Remedy: `name the table [plugins."io.containerd.grpc.v1.cri".registry]; 2.x reads that too`,
	check: func(f *Facts) []Finding {
		if !f.Config.misnamed(f) {
			return nil
		}
		return one(found(f.Config.Path, f.Config.registryLine(), "%s does not know plugins.%q, and does not read its config_path", f.who(), f.Config.Parsed.Plugin))
	},
}, {
	ID: "config-local-pulls", Severity: Info, Family: Config,
	Title:  "inline credentials switch containerd's way of pulling",
	Cause:  "containerd 2.1 and later pull by the transfer service, unless the config holds any registry.configs or registry.auths: then they pull in the old way, without a word.",
	Remedy: "put the credential into a header in hosts.toml, which 2.1 and later send to token servers too",
	check: func(f *Facts) []Finding {
		if !f.from(2, 1) || len(f.Config.Parsed.Auth) == 0 || f.Config.Parsed.State == render.ConfigLegacy {
			return nil
		}
		line := f.Config.below("configs")
		if line == 0 {
			line = f.Config.below("auths")
		}
		return one(found(f.Config.Path, line, "inline credentials of %s make %s pull in the old way", strings.Join(f.Config.Parsed.Auth, ", "), f.who()))
	},
}, {
	ID: "config-not-loaded", Severity: Warning, Family: Config,
	Title: "what runs is not what the config says",
	Cause: "containerd reads its config once, when it starts; it has no reload. MicroK8s makes containerd.toml of its template at each start, and nobody watches either. An edit counts from the next restart on, " +
		"which may be at night, and a wrong one shows then.",
	Remedy: "restart containerd alone: snap restart microk8s.daemon-containerd, or systemctl restart containerd; running containers go on. Never microk8s stop",
	check: func(f *Facts) []Finding {
		if f.Config.Stale == "" {
			return nil
		}
		return one(found(f.Config.Path, f.Config.pathLine(), "%s", f.Config.Stale))
	},
}, {
	ID: "config-cri-disabled", Severity: Error, Family: Config,
	Title:  "the CRI is disabled",
	Cause:  "The containerd.io package comes with a config that disables the CRI, since Docker does not need it. A kubelet on the same node finds no runtime.",
	Remedy: `take "cri" out of disabled_plugins and restart containerd`,
	check: func(f *Facts) []Finding {
		if !f.Config.Parsed.Disabled || !f.Config.Kubelet {
			return nil
		}
		return one(found(f.Config.Path, readTOML(f.Config.Data).at("disabled_plugins"), "disabled_plugins names the CRI, and a kubelet is on the node"))
	},
}}

// registryLine gives the line of the registry table, or of its plugin; 0: there is none.
func (c ContainerdConfig) registryLine() int {
	d := readTOML(c.Data)
	if line := d.below("plugins", c.Parsed.Plugin, "registry"); line > 0 {
		return line
	}
	return d.below("plugins", c.Parsed.Plugin)
}

// below gives the line of something in the registry table.
func (c ContainerdConfig) below(name string) int {
	return readTOML(c.Data).below("plugins", c.Parsed.Plugin, "registry", name)
}

// misnamed reports whether the registry table stands under a name that the containerd does not know.
func (c ContainerdConfig) misnamed(f *Facts) bool {
	return f.Version.Before(2, 0) && c.Parsed.Syntax == 2 && c.Parsed.Plugin == "io.containerd.cri.v1.images"
}
