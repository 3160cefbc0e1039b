package render

const HostsTOML = "hosts.toml"
const Ours, Stock = "regsync", "microk8s"

func Tool(name string, data []byte) string   { return "" }
func DaemonInterim(live, next []byte) []byte { return nil }
func Breaks(data []byte) (string, bool)      { return "", false }
