package render

<<<<<<< HEAD
const HostsTOML = "hosts.toml"
const Ours, Stock = "regsync", "microk8s"

func Tool(name string, data []byte) string   { return "" }
func DaemonInterim(live, next []byte) []byte { return nil }
func Breaks(data []byte) (string, bool)      { return "", false }
=======
import "github.com/regsync/regsync/spec"

// Placeholders for what comes with the other files of this package.

type ConfigState uint8

const (
	ConfigOnePath ConfigState = iota
	ConfigLegacy
	ConfigBoth
	ConfigNeither
	ConfigColonList
)

type RegistryConfig struct {
	State    ConfigState
	Syntax   int
	Path     string
	Mirrors  []InlineMirror
	TLS      []InlineTLS
	Disabled bool
	Address  string
}

type InlineMirror struct {
	Host      string
	Endpoints []string
}

type InlineTLS struct {
	Host, CAFile, CertFile, KeyFile string
	SkipVerify                      bool
}

func ParseConfig(data []byte) (RegistryConfig, error) { return RegistryConfig{Syntax: 2}, nil }

func etcHostsResource(s *spec.Spec, in Inputs) (Resource, []*spec.Problem, bool) {
	return Resource{}, nil, false
}

func dockerResource(s *spec.Spec, in Inputs) (Resource, []*spec.Problem, bool) {
	return Resource{}, nil, false
}

func configResource(s *spec.Spec, in Inputs, roads []Road) (Resource, []*spec.Problem, bool, error) {
	return Resource{}, nil, false, nil
}
>>>>>>> hosts
