package render

func proposeTOML(live, body []byte) ([]byte, error) { panic("todo") }

func withdrawTOML(live, before, body []byte) ([]byte, error) { panic("todo") }
