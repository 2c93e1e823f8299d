"""Functions from values to Dash and Plotly objects. They read no store and fire no alert."""
