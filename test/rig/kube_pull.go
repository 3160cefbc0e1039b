package rig

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"google.golang.org/grpc/status"
)

// PullWith lets the node pull the images of pods through a CRI, as kubelet does: by their imagePullPolicy, with the pull secrets of the pod or of its
// service account. Before, every image was said to be there.
func (n *KubeNode) PullWith(client *CRI) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cri = client
}

// pull sees that the images of a pod are on the node, and gives their IDs.
func (n *KubeNode) pull(ctx context.Context, p kubePod) (ids []string, err error) {
	n.mu.Lock()
	client, noImages := n.cri, n.noImages
	n.mu.Unlock()
	if client == nil || p.Metadata.Namespace == "container-registry" {
		if noImages {
			return nil, errors.New("failed to resolve reference: dial tcp: lookup registry-1.docker.io: no such host")
		}
		return make([]string, len(p.Spec.Containers)), nil
	}
	for _, c := range p.Spec.Containers {
		key := p.Metadata.UID + "/" + c.Name
		if n.pulled[key] == "" {
			if n.pulled[key], err = n.pullOne(ctx, client, p, c.Image, c.ImagePullPolicy); err != nil {
				return nil, errors.New(status.Convert(err).Message())
			}
		}
		ids = append(ids, n.pulled[key])
	}
	return ids, nil
}

func (n *KubeNode) pullOne(ctx context.Context, client *CRI, p kubePod, image, policy string) (string, error) {
	if policy != "Always" {
		if here, err := client.Status(ctx, image); err != nil || here != nil {
			return here.GetId(), err
		}
	}
	logins, err := n.logins(ctx, p, image)
	if err != nil {
		return "", err
	}
	id := ""
	for _, login := range append(logins, "") { // without one where none fits
		if id, err = client.PullAs(ctx, image, login); err == nil || login == "" {
			break
		}
	}
	return id, err
}

// logins are those that the pull secrets have for an image's registry, as user:password. The API server of the rig does not copy those of a
// service account to its pods, so they are looked up.
func (n *KubeNode) logins(ctx context.Context, p kubePod, image string) ([]string, error) {
	names := p.Spec.ImagePullSecrets
	if len(names) == 0 {
		account := p.Spec.ServiceAccountName
		if account == "" {
			account = "default"
		}
		var found struct{ ImagePullSecrets []struct{ Name string } }
		if err := n.ask(ctx, "/api/v1/namespaces/"+p.Metadata.Namespace+"/serviceaccounts/"+account, &found); err != nil {
			return nil, err
		}
		names = found.ImagePullSecrets
	}
	registry, _, _ := strings.Cut(image, "/")
	var logins []string
	for _, secret := range names {
		var found struct{ Data map[string][]byte }
		if err := n.ask(ctx, "/api/v1/namespaces/"+p.Metadata.Namespace+"/secrets/"+secret.Name, &found); err != nil {
			continue // kubelet passes over a secret that is not there
		}
		var config struct {
			Auths map[string]struct{ Auth string }
		}
		if err := json.Unmarshal(found.Data[".dockerconfigjson"], &config); err != nil {
			return nil, err
		}
		if login, err := base64.StdEncoding.DecodeString(config.Auths[registry].Auth); err == nil && len(login) > 0 {
			logins = append(logins, string(login))
		}
	}
	return logins, nil
}
