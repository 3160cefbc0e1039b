package convert

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/regsync/regsync/internal/draft"
	"github.com/regsync/regsync/spec"
)

// certsDir is where MicroK8s writes what a launch configuration has for a registry.
const certsDir = "/var/snap/microk8s/current/args/certs.d"

// launchConfig reads a launch configuration of MicroK8s (https://canonical.com/microk8s/docs/ref-launch-config; pkg/k8sinit/schema.go of its cluster
// agent). containerdRegistryConfigs holds a hosts.toml for each registry, which containerd reads as any other.
func (s *source) launchConfig(data []byte) {
	for _, root := range s.documents(data) {
		s.keys(root, "the file", func(key string, at, value *yaml.Node) {
			switch key {
			case "version":
				if v := s.text(value, key); !strings.HasPrefix(v, "0.1.") && !strings.HasPrefix(v, "0.2.") {
					s.tail("%s: version %s is none that is known here; what follows is read as 0.2.0.", s.at(at.Line), v)
				}
			case "containerdRegistryConfigs":
				s.keys(value, key, func(host string, at, value *yaml.Node) {
					if value.Tag == "!!null" {
						s.tail("%s: %s has no hosts.toml; MicroK8s takes the one that is there away.", s.at(at.Line), host)
						return
					}
					s.launchHosts(host, at, value)
				})
			case "addons":
				s.list(value, key, s.launchAddon)
			default:
				s.other(key, at)
			}
		})
	}
}

// launchHosts reads the hosts.toml of one registry.
func (s *source) launchHosts(host string, at, value *yaml.Node) {
	text := s.text(value, "the hosts.toml of "+host)
	first := value.Line
	if value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		first++ // the text begins below its mark
	}
	registry := host
	if host == "_default" {
		registry = spec.AnyRegistry
	}
	e := s.entry(registry, at.Line)
	asks, implicit, why := s.hostsTOML(e, text, first, registry, path.Join(certsDir, host))
	if why != "" {
		e.Leave("%s", why)
	}
	if len(asks) > 0 {
		s.draft.Express(e, draft.Distinct(asks, registry), implicit && registry == spec.AnyRegistry)
	}
}

var sizeArgument = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-{0,2}(?:size|s)=(.+)$`) })

// launchAddon reads one add-on; only the built-in registry matters.
func (s *source) launchAddon(n *yaml.Node) {
	var name string
	var args []string
	var disable bool
	line := n.Line
	s.keys(n, "an add-on", func(key string, at, value *yaml.Node) {
		switch key {
		case "name":
			name, line = s.text(value, key), at.Line
		case "args":
			args = s.texts(value, key)
		case "disable":
			disable = s.truth(value, key)
		default:
			s.unknown("an add-on", key, at)
		}
	})
	base, given, _ := strings.Cut(name, ":") // registry:size=40Gi
	if given != "" {
		args = append([]string{given}, args...)
	}
	if base != "registry" {
		s.others = append(s.others, "the add-on "+base)
		return
	}
	r := &spec.RegistryAddon{Enabled: !disable}
	noted := &draft.Noted[spec.Addons]{Value: spec.Addons{Registry: r}, Notes: []string{s.at(line)}}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if (arg == "--size" || arg == "-s" || arg == "--storageclass") && i+1 < len(args) {
			i++
			arg += "=" + args[i]
		}
		if m := sizeArgument().FindStringSubmatch(arg); m != nil {
			r.Size = m[1]
		} else if class, ok := strings.CutPrefix(strings.TrimLeft(arg, "-"), "storageclass="); ok {
			r.StorageClass = class
		} else {
			s.tail("%s: the argument %q of the add-on registry is none that is known here; nothing is made of it.", s.at(line), arg)
		}
	}
	s.draft.Addons = noted
}
