"""A slow, obviously correct simulation of the method: the differential oracle of the tests."""
