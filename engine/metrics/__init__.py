"""How well samples match the data: measures, each with its noise floor."""
