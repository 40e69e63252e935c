"""gpucost: what every generation, failed second and idle hour of scheduled GPU node pools cost, exactly."""
