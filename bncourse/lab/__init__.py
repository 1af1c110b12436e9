"""What the chapters measure: data, properties, covariate shift, training runs."""
