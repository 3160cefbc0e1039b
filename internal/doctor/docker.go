package doctor

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/regsync/regsync/render"
	"github.com/regsync/regsync/spec"
)

// dockers are the traps of Docker beside Kubernetes.
var dockers = []Rule{{
	ID: "daemon-json-refused", Severity: Error, Family: DockerFiles,
	Title:  "dockerd refuses daemon.json",
	Cause:  "Broken JSON, an empty file, a byte order mark, an unknown key, a mirror without a scheme: dockerd refuses the whole file. At a reload only its log says so; at its next start it does not come up.",
	Remedy: "mend the file; dockerd --validate --config-file FILE tells, from 23.0 on",
	check: func(f *Facts) []Finding {
		var path *render.MirrorPath
		if f.Docker.Refusal == nil || errors.As(f.Docker.Refusal, &path) {
			return nil
		}
		line, why := 0, f.Docker.Refusal.Error()
		if p := (*spec.Problem)(nil); errors.As(f.Docker.Refusal, &p) {
			line, why = p.Position.Line, p.Message
		}
		return one(found(f.Docker.Config.Path, line, "dockerd refuses the file: %s", why))
	},
}, {
	ID: "daemon-json-mirror-path", Severity: Error, Family: DockerFiles,
	Title:  "a mirror of Docker's with a path",
	Cause:  "Docker asks a mirror for /v2/ at its root. dockerd 20.10 to 28 refuses the whole file where a mirror has a path; 29 takes it.",
	Remedy: "name the host alone; for a mirror below a path give the registry a name or a port of its own",
	check: func(f *Facts) []Finding {
		var path *render.MirrorPath
		if !errors.As(f.Docker.Refusal, &path) {
			return nil
		}
		return one(found(f.Docker.Config.Path, path.Position.Line, "%s", path.Message))
	},
}, {
	ID: "daemon-json-singular-key", Severity: Error, Family: DockerFiles,
	Title:  "a key of daemon.json under its flag's name",
	Cause:  "The keys are `insecure-registries` and `registry-mirrors`. Under the names of the flags, `insecure-registry` and `registry-mirror`, dockerd takes them for known and reads past them without a word.",
	Remedy: "write insecure-registries and registry-mirrors",
	check: func(f *Facts) []Finding {
		var keys map[string]json.RawMessage
		if json.Unmarshal(f.Docker.Config.Data, &keys) != nil {
			return nil
		}
		var all []Finding
		for _, key := range sorted(keys) {
			if slices.Contains([]string{"insecure-registry", "registry-mirror"}, key) {
				all = append(all, found(f.Docker.Config.Path, lineOf(f.Docker.Config.Data, `"`+key+`"`), "dockerd reads past the key %q", key))
			}
		}
		return all
	},
}, {
	ID: "daemon-json-flag", Severity: Error, Family: DockerFiles,
	Title:  "a flag of dockerd says again what daemon.json says",
	Cause:  "With the same setting as a flag and in the file dockerd refuses a reload, and does not come up at its next start: \"the following directives are specified both as a flag and in the configuration file\".",
	Remedy: "take the flag out of the unit, its drop-in or /etc/default/docker",
	check: func(f *Facts) []Finding {
		if f.Docker.Clash == "" {
			return nil
		}
		path, line := f.Docker.Config.Path, lineOf(f.Docker.Config.Data, `"`+flagKeys[f.Docker.Flag]+`"`)
		return one(found(path, line, "%s gives dockerd the flag %s, and the file has the key %q", f.Docker.Clash, f.Docker.Flag, flagKeys[f.Docker.Flag]))
	},
}, {
	ID: "daemon-json-not-loaded", Severity: Warning, Family: DockerFiles,
	Title: "dockerd does not run with what daemon.json says",
	Cause: "dockerd reads the file when it starts and on SIGHUP, and every refusal stands in its log alone. A key that is taken out keeps its value until an explicit [] or a restart; " +
		"before 23.0.7 a reload loses the insecure registries where mirrors are set too (moby#45552).",
	Remedy: "systemctl reload docker; if that does not help, its log says why",
	check: func(f *Facts) []Finding {
		if len(f.Docker.Missing) == 0 || f.Docker.Refusal != nil || f.Docker.Clash != "" {
			return nil
		}
		return one(found(f.Docker.Config.Path, 0, "what runs differs from the file: %s", strings.Join(f.Docker.Missing, "; ")))
	},
}}

// flagKeys are the keys of daemon.json that flags say too.
var flagKeys = map[string]string{"--insecure-registry": "insecure-registries", "--registry-mirror": "registry-mirrors"}

// lineOf gives the first line that holds a text; 0: none does.
func lineOf(data []byte, text string) int {
	before, _, ok := strings.Cut(string(data), text)
	if !ok {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}
