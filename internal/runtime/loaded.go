package runtime

import (
	"context"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// LoadedConfigPath asks the CRI at socket for the config_path that it has loaded, and whether it has inline mirrors. ok is false where
// containerd does not say: 2.x tells the runtime's half of the CRI config only (seen on 2.2.9), 1.5 to 1.7 tell all of it.
// Then [Started] and the time of the config file have to do. MicroK8s' containerd has loaded ${SNAP_DATA} as the path of a revision,
// to which /var/snap/microk8s/current links.
func LoadedConfigPath(ctx context.Context, socket string) (path string, mirrors, ok bool, err error) {
	conn, err := Dial(socket)
	if err != nil {
		return "", false, false, err
	}
	defer conn.Close()
	verbose := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1) // StatusRequest{verbose: true}
	answer, err := callCRI(ctx, conn, "Status", verbose)
	if err != nil {
		return "", false, false, fmt.Errorf("asking the CRI at %q for its status: %w", socket, err)
	}
	var config struct {
		Registry *struct {
			ConfigPath string                     `json:"configPath"`
			Mirrors    map[string]json.RawMessage `json:"mirrors"`
		} `json:"registry"`
	}
	info, ok := statusInfo(answer, "config")
	if !ok || json.Unmarshal([]byte(info), &config) != nil || config.Registry == nil {
		return "", false, false, nil
	}
	return config.Registry.ConfigPath, len(config.Registry.Mirrors) > 0, true, nil
}

// statusInfo gives one entry of StatusResponse.info, the map<string, string> in field 2 (k8s.io/cri-api, runtime/v1/api.proto).
func statusInfo(response raw, key string) (string, bool) {
	for len(response) > 0 {
		field, value, n := nextField(response)
		if n < 0 {
			return "", false
		}
		response = response[n:]
		if field != 2 {
			continue
		}
		var k, v string
		for len(value) > 0 {
			part, text, n := nextField(value)
			if n < 0 {
				return "", false
			}
			value = value[n:]
			switch part {
			case 1:
				k = string(text)
			case 2:
				v = string(text)
			}
		}
		if k == key {
			return v, true
		}
	}
	return "", false
}

// nextField reads one field of a message. value is empty where the field is not of bytes; n is negative where it cannot be read.
func nextField(message []byte) (field protowire.Number, value []byte, n int) {
	field, kind, n := protowire.ConsumeTag(message)
	if n < 0 {
		return 0, nil, n
	}
	var length int
	if kind == protowire.BytesType {
		value, length = protowire.ConsumeBytes(message[n:])
	} else {
		length = protowire.ConsumeFieldValue(field, kind, message[n:])
	}
	if length < 0 {
		return 0, nil, length
	}
	return field, value, n + length
}
