"""The pure core: values in, values out. Nothing here knows sockets, clocks, chance or Prometheus."""
