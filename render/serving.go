package render

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Server is somebody whom a hosts.toml lets serve images.
type Server struct {
	URL      string
	Verified bool // by TLS with a certificate that is checked
	Mirror   bool // it stands in front of the registry itself
}

// hostsTable is what a hosts.toml of ours says of one endpoint.
type hostsTable struct {
	Capabilities []string `toml:"capabilities"`
	SkipVerify   bool     `toml:"skip_verify"`
}

func (h hostsTable) serves() bool {
	return h.Capabilities == nil || slices.Contains(h.Capabilities, "pull") || slices.Contains(h.Capabilities, "resolve")
}

func (h hostsTable) server(url string, mirror bool) Server {
	return Server{URL: url, Verified: strings.HasPrefix(url, "https://") && !h.SkipVerify, Mirror: mirror}
}

// Serving gives whom a hosts.toml as regsync writes it lets serve images, by URL, the registry itself last; none where it cannot be read.
func Serving(file []byte) []Server {
	var doc struct {
		Server string `toml:"server"`
		hostsTable
		Host map[string]any `toml:"host"`
	}
	if toml.Unmarshal(file, &doc) != nil {
		return nil
	}
	var list []Server
	for url, v := range doc.Host {
		table, ok := v.(map[string]any)
		if !ok {
			continue
		}
		var h hostsTable
		h.SkipVerify, _ = table["skip_verify"].(bool)
		if capabilities, ok := table["capabilities"].([]any); ok {
			h.Capabilities = []string{}
			for _, c := range capabilities {
				if word, ok := c.(string); ok {
					h.Capabilities = append(h.Capabilities, word)
				}
			}
		}
		if h.serves() {
			list = append(list, h.server(url, url != doc.Server))
		}
	}
	slices.SortFunc(list, func(a, b Server) int { return strings.Compare(a.URL, b.URL) })
	if doc.Server != "" && doc.serves() {
		list = append(list, doc.server(doc.Server, false))
	}
	return list
}
