package images

import (
	"context"
	"strings"
)

// Pinned lists the images that kubelet's garbage collection leaves alone, by their names, with what brought them: the value of [LabelSource], empty of
// those that it was not regsync. The names that the CRI gives to images beside their tags are not among them.
func (s *Store) Pinned(ctx context.Context) (map[string]string, error) {
	records, err := s.records(s.in(ctx))
	if err != nil {
		return nil, err
	}
	pinned := map[string]string{}
	for name, record := range records {
		if record.Labels[labelPinned] == "pinned" && !strings.HasPrefix(name, "sha256:") {
			pinned[name] = record.Labels[LabelSource]
		}
	}
	return pinned, nil
}
