"""The pages people work with: `/console`, server-rendered, usable without JavaScript."""
