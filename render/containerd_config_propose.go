package render

import (
	"bytes"
	"slices"
)

// proposeTOML gives containerd's config with the registry table that body asks for. A body with config_path takes the inline
// mirrors and TLS out, with which the CRI would not load; one without sets the mirrors that it names. The error is a *ConfigError.
func proposeTOML(live, body []byte) ([]byte, error) {
	wanted, err := parseDocument(body)
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(live)
	if err != nil {
		return nil, err
	}
	if _, err := d.registry(); err != nil {
		return nil, err
	}
	path := d.registryPath()
	if path[1] != pluginV1 {
		if _, ok := d.tree["version"]; !ok {
			if d, err = d.set([]string{"version"}, "2"); err != nil {
				return nil, err
			}
		}
	}
	if value, ok := wanted.text("config_path"); ok {
		d, err = d.withPath(path, value)
	} else {
		d, err = d.withInline(path, wanted)
	}
	if err != nil {
		return nil, err
	}
	return d.bytes(), nil
}

// withPath sets config_path and takes out what containerd does not take beside it (1.7: pkg/cri/config, ValidatePluginConfig).
func (d *document) withPath(registry []string, value string) (*document, error) {
	var err error
	for _, path := range d.inlineParts(registry) {
		if d, err = d.remove(path); err != nil {
			return nil, err
		}
	}
	return d.set(append(slices.Clone(registry), "config_path"), value)
}

// inlineParts gives the paths that must go for config_path to stand. A host's configs table goes as a whole where TLS is all it has.
func (d *document) inlineParts(registry []string) [][]string {
	configs := append(slices.Clone(registry), "configs")
	parts := [][]string{append(slices.Clone(registry), "mirrors")}
	hosts := d.children(configs)
	kept := 0
	var tls [][]string
	for _, host := range hosts {
		path := append(slices.Clone(configs), host)
		v, _ := d.get(path...)
		table, _ := v.(map[string]any)
		_, has := table["tls"]
		switch {
		case has && len(table) == 1:
			tls = append(tls, path)
		case has:
			tls = append(tls, append(path, "tls"))
			kept++
		default:
			kept++
		}
	}
	if len(hosts) > 0 && kept == 0 {
		return append(parts, configs)
	}
	return append(parts, tls...)
}

// withInline sets the mirrors and TLS that wanted names, and leaves those of other hosts.
func (d *document) withInline(registry []string, wanted *document) (*document, error) {
	if v, ok := d.get(append(slices.Clone(registry), "config_path")...); ok && v != "" {
		return nil, d.errorAt(append(slices.Clone(registry), "config_path"), "config_path is set, beside which containerd takes no inline mirrors",
			"a containerd that is too old for config_path needs the key taken out")
	}
	var err error
	for _, e := range wanted.entries {
		if e.header || e.within >= 0 {
			continue
		}
		if d, err = d.set(append(slices.Clone(registry), e.path...), wanted.raw(e.value)); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// text gives the value at path as it is written.
func (d *document) text(path ...string) (string, bool) {
	for _, e := range d.entries {
		if !e.header && slices.Equal(e.path, path) {
			return d.raw(e.value), true
		}
	}
	return "", false
}

func (d *document) raw(s span) string { return string(d.data[s.start:s.end]) }

// withdrawTOML takes our part out of containerd's config, which others may have edited since. config_path goes back to what
// before had, and inline tables that before had come back under their full names. Where that would take the CRI down, the
// file stays as it is. The error is a *ConfigError.
func withdrawTOML(live, before, body []byte) ([]byte, error) {
	if live == nil {
		return before, nil
	}
	if proposed, err := proposeTOML(before, body); err == nil && bytes.Equal(proposed, live) {
		return before, nil
	}
	wanted, err := parseDocument(body)
	if err != nil {
		return nil, err
	}
	was, err := parseDocument(before)
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(live)
	if err != nil {
		return nil, err
	}
	next, err := d.givenBack(was, wanted)
	if err != nil {
		return nil, err
	}
	if before == nil && string(bytes.TrimSpace(next.data)) == "version = 2" {
		return nil, nil
	}
	if _, broken := Breaks(next.bytes()); broken {
		if _, broken := Breaks(live); !broken {
			return live, nil
		}
	}
	return next.bytes(), nil
}

// givenBack undoes, key by key, what wanted asked for and still stands.
func (d *document) givenBack(was, wanted *document) (*document, error) {
	registry, old := d.registryPath(), was.registryPath()
	var err error
	for _, e := range wanted.entries {
		if e.header || e.within >= 0 {
			continue
		}
		path := append(slices.Clone(registry), e.path...)
		ours, _ := wanted.get(e.path...)
		if now, ok := d.get(path...); !ok || !equalTOML(now, ours) {
			continue // gone, or somebody else's by now
		}
		if value, ok := was.text(append(slices.Clone(old), e.path...)...); ok {
			d, err = d.set(path, value)
		} else {
			d, err = d.removeOurs(path, was)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, ok := wanted.text("config_path"); !ok {
		return d, nil
	}
	return d.withTables(was)
}

// removeOurs takes the key at path out, and the tables above it that were made for it.
func (d *document) removeOurs(path []string, was *document) (*document, error) {
	for n := len(path) - 1; n > 0; n-- {
		v, _ := d.get(path[:n]...)
		if table, _ := v.(map[string]any); len(table) > 1 {
			break
		}
		if _, ok := was.get(path[:n]...); ok {
			break
		}
		path = path[:n]
	}
	return d.remove(path)
}

// withTables brings back the inline mirrors and TLS of was that d does not have.
func (d *document) withTables(was *document) (*document, error) {
	registry := was.registryPath()
	if !slices.Equal(registry, d.registryPath()) {
		return d, nil // somebody has brought the file to another version since
	}
	for _, part := range was.inlineParts(registry) {
		hosts := [][]string{part}
		if part[len(part)-1] == "mirrors" || part[len(part)-1] == "configs" {
			hosts = nil
			for _, host := range was.children(part) {
				hosts = append(hosts, append(slices.Clone(part), host))
			}
		}
		for _, path := range hosts {
			if _, ok := d.get(path...); ok {
				continue
			}
			for i, e := range was.entries {
				if e.header || !hasPrefix(e.path, path) || e.inline || was.insideArray(i) {
					continue
				}
				next, err := d.set(e.path, was.raw(e.value))
				if err != nil {
					return nil, err
				}
				d = next
			}
		}
	}
	return d, nil
}

func (d *document) insideArray(index int) bool {
	return slices.Contains(d.entries[index].path, elem)
}
