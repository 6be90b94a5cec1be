"""The pure core: values in, values out. No sockets, clocks, chance or Prometheus in here."""
