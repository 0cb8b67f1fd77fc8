"""``responses``: the agent in the box that asks a model, over any endpoint that speaks the Responses API."""
