"""The measuring proxies: what clients ask is passed on to the model server that has the model, and measured."""
