"""Tools that MCP servers offer, as tools of an agent. Needs the `mcp` package only when a server is used."""
