package render

func proposeJSON(live, body []byte) ([]byte, error) { panic("todo") }

func withdrawJSON(live, before, body []byte) ([]byte, error) { panic("todo") }
